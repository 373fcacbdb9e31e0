"""How far the filter can be trusted: audits of what was thrown away, exact bounds."""
