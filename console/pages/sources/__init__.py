"""数据源: clouds and monitors, how they stand, trying them out, reading their history."""
