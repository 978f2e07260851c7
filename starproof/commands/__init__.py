"""One module for each subcommand that needs more than one room."""
