"""The agent: reads a host's counters, seals chunks, keeps them in a spool, delivers them."""
