"""Records written and read back: one file per noun."""
