"""Visits as records, and the independent events that are counted from them."""
