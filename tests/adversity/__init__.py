"""Faults for real agents and collectors, and the accounts kept of them; for tests/survival and bench/faults.py."""
