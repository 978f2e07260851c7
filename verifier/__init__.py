"""The verifier: day sums to figures and verdicts, audit, pack and offline check."""
