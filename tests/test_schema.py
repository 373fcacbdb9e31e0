"""The rules every table keeps."""

import sqlalchemy as sa

from db.core import schema

TABLES = schema.metadata.sorted_tables


def test_the_child_side_of_every_foreign_key_begins_an_index():
    """Else deleting one parent reads all children, every time."""
    for table in TABLES:
        indexed = {index.columns[0].name for index in table.indexes}
        for rule in table.constraints:
            if isinstance(rule, sa.PrimaryKeyConstraint | sa.UniqueConstraint):
                indexed.add(next(iter(rule.columns)).name)
        for key in table.foreign_keys:
            assert key.parent.name in indexed, f"{table.name}.{key.parent.name}"


def test_deployment_and_path_as_well_as_batch_and_path_find_their_row_by_index(database):
    with database.connect() as conn:
        look = sa.inspect(conn)
        by_path = [index["column_names"] for index in look.get_indexes("media")]
        assert ["deployment_id", "path"] in by_path
        unique = [one["column_names"] for one in look.get_unique_constraints("file")]
        assert ["batch_id", "path"] in unique


def test_every_rule_has_a_name_that_a_migration_can_drop():
    for table in TABLES:
        assert all(rule.name for rule in (*table.constraints, *table.indexes)), table.name


def test_any_text_comes_back_as_near_as_a_database_can_hold_it(database):
    names = ["Ω/åß/图像 001.JPG", "a'b\"c;--<script>../x\n", "nul\0 and half \udcff", "x" * 255]
    with database.begin() as conn:
        for name in names:
            row = {"name": name, "root": name}
            conn.execute(schema.batch.insert(), row)
        found = conn.execute(sa.select(schema.batch.c.root).order_by(schema.batch.c.id)).scalars()
        assert list(found) == [*names[:2], "nul\ufffd and half \\udcff", names[3]]


def test_text_sorts_by_its_bytes_on_both(database):
    names = ["B", "a", "Z", "_", "ä", "1"]
    with database.begin() as conn:
        conn.execute(schema.batch.insert(), [{"name": name, "root": ""} for name in names])
        found = conn.execute(sa.select(schema.batch.c.name).order_by(schema.batch.c.name))
        assert list(found.scalars()) == sorted(names)
