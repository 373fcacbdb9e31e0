"""The same numbers with the machine's errors taken out."""
