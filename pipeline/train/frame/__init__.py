"""Training of the frame model, and of the decision which pictures are blank."""
