"""Averages that another monitor exported, brought into the store as unattested chunks."""
