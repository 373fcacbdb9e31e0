"""The same numbers, corrected by what people saw in a random sample."""
