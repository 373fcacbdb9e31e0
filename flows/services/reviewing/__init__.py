"""What people are asked to look at, and what they answered."""
