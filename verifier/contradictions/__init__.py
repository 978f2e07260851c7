"""Contradictions: what the counters of one machine cannot say of one another, whatever it does."""
