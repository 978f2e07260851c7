"""Reading databases: the counters of statements that their servers keep. A process of its own."""
