"""Training of the starter models, and of a study's own models."""
