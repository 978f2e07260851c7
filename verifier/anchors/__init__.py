"""Anchors: which checkpoints of the log left the applicant's hands, and when. Pure: bytes in, findings out."""
