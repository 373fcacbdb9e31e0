"""Suspected poaching: rules over one visit, each with its name, severity and reason."""
