"""Alerts: queued with the flags, sent by channels, quieted by people."""
