"""What an enterprise declares, read from files and checked beside the store: ledger, profile.

Above the collector and the verifier, below the command line and the console, which share it.
"""
