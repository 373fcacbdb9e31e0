"""Opening, creating and migrating the database; and what happens when two want it at once."""

from sqlalchemy import text


def test_a_fresh_database_is_there_on_both(database):
    with database.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM media_status")).scalar_one() == 0
