"""How an older database becomes a newer one. A migration that was shipped is never changed."""
