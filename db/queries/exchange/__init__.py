"""What exports and sheets read."""
