"""The log's own work: checkpoints, day marks, closes, receipts. What stores it is ``collector.store.log``."""
