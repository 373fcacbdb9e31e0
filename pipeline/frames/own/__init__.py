"""A detector of the user's own."""
