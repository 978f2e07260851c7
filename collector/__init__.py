"""The collector: admits chunks, stores them, keeps day sums, imports averages."""
