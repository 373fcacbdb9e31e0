"""Numbers of a species: rates, trends, activity, richness, occupancy."""
