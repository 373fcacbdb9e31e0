"""Training of the frame model, and of the decision what is blank."""
