"""接口: tokens of programs that read the data."""
