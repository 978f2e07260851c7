"""The store: hosts, pinned keys, chunks, day sums and findings in one SQL database."""
