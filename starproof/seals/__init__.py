"""The company's seal: making it and judging it, with keys and certificates in files."""
