"""What a study reads."""
