"""Which models there are, where their weights lie, and what runs them."""
