"""人员: who may use the console, and as what."""
