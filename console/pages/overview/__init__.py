"""总览: the month as it stands."""
