"""From pictures to numbers about animals: effort, events, rates, occupancy, activity, richness."""
