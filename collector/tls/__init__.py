"""TLS of the collector: its own certificate authority or given files, reloaded while it runs."""
