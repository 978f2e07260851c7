"""Frozen packs of format 1.0, what could be done to them, and what a check must say of each."""
