"""The command line and the demonstration: the only place where the rooms meet."""
