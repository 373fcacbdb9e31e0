"""Rows of the database made into what pipeline works with."""
