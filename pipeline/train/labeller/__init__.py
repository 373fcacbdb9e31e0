"""Training of the small labeller."""
