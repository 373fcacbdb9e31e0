"""A whole study: all numbers together, and their tables."""
