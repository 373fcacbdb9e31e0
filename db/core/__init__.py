"""The database itself: tables, migrations, views, opening, backup."""
