"""Checking packs that somebody uploads: each in a process of its own, bounded in time and memory."""
