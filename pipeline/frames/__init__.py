"""Inference on a window of pictures: decode, frame model, background, blank or kept, crop."""
