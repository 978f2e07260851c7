"""ClickHouse as the place of frames and of past months' day sums, beside a store's database."""
