"""What the commands do, for whoever calls: plain values in, dataclasses out."""
