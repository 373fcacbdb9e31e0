"""Results for other programs, and files for them."""
