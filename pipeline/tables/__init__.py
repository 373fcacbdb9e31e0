"""Tables that people hand in or get: one reader, one writer, one parser of typed times."""
