"""What reports, exports and studies read."""
