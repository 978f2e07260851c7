"""证据: the log and what left the house; checking a pack."""
