"""Training of the starter labeller."""
