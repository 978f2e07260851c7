"""The audit of a store by this process, by several of this machine, or by machines of a cluster."""
