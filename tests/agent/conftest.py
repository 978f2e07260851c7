"""Makes the doubles importable for the tests of this folder."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):
    # These run a collector beside the agent, and collectors need Python 3.11.
    collect_ignore = ["test_by_file.py", "test_pinning.py", "test_proxy.py"]

sys.path.insert(0, str(Path(__file__).parent))
