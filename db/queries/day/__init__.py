"""What the page of a day reads."""
