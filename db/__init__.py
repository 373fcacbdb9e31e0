"""What is kept: schema, migrations, views, and functions that save and read records."""
