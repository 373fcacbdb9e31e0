"""Naming what was kept: label sets, open_clip encoders, zero-shot labels, visits."""
