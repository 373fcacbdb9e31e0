"""How the starter models were made, and how to make one's own."""
