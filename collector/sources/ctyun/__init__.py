"""天翼云 (CTyun), written from its documentation and not yet run against the real service."""
