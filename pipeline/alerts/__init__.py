"""Alerts: who is told of which flag, when, and in which words. No network, no database."""
