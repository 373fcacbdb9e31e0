"""What people said of pictures and visits, and what was drawn for them."""
