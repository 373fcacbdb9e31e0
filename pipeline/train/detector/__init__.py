"""Training of the detector, and of the levels from which its people and vehicles are called."""
