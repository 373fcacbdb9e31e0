"""When, how often, how many at once: the Prefect flows and the command line."""
