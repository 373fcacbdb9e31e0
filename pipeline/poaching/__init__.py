"""Suspected poaching: rules over one visit, each a function that gives its reason."""
