"""One module per definition: the month of one host in, its figure with bounds out."""
