"""Names that other programs gave to pictures, each format read into the same answers."""
