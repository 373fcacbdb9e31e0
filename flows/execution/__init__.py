"""How steps are run: here in threads, or as Prefect tasks; retries, models, databases."""
