"""What can go wrong while a bundle is made."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle cannot be made. The message says what is missing and what to do."""
