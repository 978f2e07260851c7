"""主机: the list of hosts, and everything about one."""
