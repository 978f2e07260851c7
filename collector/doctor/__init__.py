"""``starproof doctor`` on the collector: what is wrong, and what to do. Looks only, changes nothing."""
