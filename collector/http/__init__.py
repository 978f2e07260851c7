"""The HTTP service: what ``docs/wire.md`` describes, with limits, metrics and logs."""
