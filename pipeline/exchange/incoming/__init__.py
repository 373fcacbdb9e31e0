"""Data sets of others: what exists comes in."""
