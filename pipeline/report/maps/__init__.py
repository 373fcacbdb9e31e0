"""Maps that need no network: stations over a drawing of the user's own."""
