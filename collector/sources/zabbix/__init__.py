"""Zabbix 6.0 to 7.x: hours from trends, finer periods from history, by the JSON-RPC API."""
