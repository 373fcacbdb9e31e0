"""Pictures drawn for the demo and for training."""
