"""指标: one figure at a time, day by day and host by host."""
