"""Files that ship with StarProof: editions of the guide and examples."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

EDITIONS: Traversable = files(__name__) / "editions"
EXAMPLES: Traversable = files(__name__) / "examples"
