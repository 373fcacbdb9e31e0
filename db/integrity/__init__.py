"""Whether a database is whole, and what it says: check and canonical dump."""
