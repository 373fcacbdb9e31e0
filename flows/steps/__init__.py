"""The steps of a run, and the recipes that tell what is to be done again."""
