"""Anchors: copies of the day's checkpoint leave the applicant's hands (docs/anchors.md)."""
