"""The language that agent, collector and verifier share: chunks, keys, canonical bytes, day sums.

Everything here is pure: bytes and numbers in, values or a typed error out. No clock, no disk, no
network, and nothing imported from the other packages. Runs on Python 3.9 and later.
"""

from __future__ import annotations

__version__ = "0.1.0"
