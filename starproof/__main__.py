"""``python -m starproof``."""

from __future__ import annotations

import sys

from starproof.cli import main

sys.exit(main())
