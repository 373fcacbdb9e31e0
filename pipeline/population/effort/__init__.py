"""When cameras worked, and what every number of a study rests on."""
