"""What a study asks for: the page of a day, the page of a study, and samples for review."""
