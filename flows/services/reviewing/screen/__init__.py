"""What the review screen alone has: quick keys, pictures that look alike answered together."""
