"""``agent doctor``: what is wrong with this host's agent, and what to do. Looks only, changes nothing."""
