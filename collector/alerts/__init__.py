"""What somebody must look at: decided once, for the console, for Prometheus and for messages to people."""
