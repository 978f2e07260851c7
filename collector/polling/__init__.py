"""Polling: what clouds and monitors answer becomes sealed chunks, and nothing is asked twice."""
