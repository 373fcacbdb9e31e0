"""What is known about pictures: pure functions over records and arrays.

Knows neither the database nor Prefect. Read in this order, the folders are the way of the data:
card (files, clocks, deployments, windows), frames (decode, frame model, background, blank),
species (label set, encoder, zero-shot, visits), poaching, trust (audit), report, exchange.
"""
