"""The Prefect flows, their schedules, and what a run leaves behind."""
