"""What the review screen reads: which visit is next, and what is shown of it."""
