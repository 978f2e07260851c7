"""Makes the recorder importable for the test beside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
