"""A queue of what somebody's own SELECT names, which can write nothing; and own quick keys."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading
from db.queries.reviewing.named import named_by
from flows.services.reviewing.names import Names
from flows.services.reviewing.queues import named_by_file
from flows.services.reviewing.screen.quick import read_quick_keys
from flows.web.words import TAKEN
from pipeline.errors import InputError
from tests.commands import typed
from tests.screens import browser, fill_with_pictures

IMPALAS = (
    "SELECT event_id FROM events WHERE scientific_name = 'Aepyceros melampus' ORDER BY started_at"
)
STATIC = Path(__file__).parents[1] / "flows" / "web" / "static"


@pytest.fixture(scope="module")
def url(url_of_module, tmp_path_factory):
    fill_with_pictures(url_of_module, tmp_path_factory.mktemp("cards"), 120)
    return url_of_module


@pytest.fixture(scope="module")
def engine(url):
    made = open_database(url)
    yield made
    made.dispose()


def told(engine, query):
    with reading(engine) as conn:
        return conn.execute(sa.text(query)).all()


def test_what_a_select_names_is_a_queue_in_its_order_with_progress(url, engine, tmp_path):
    file = tmp_path / "impalas.sql"
    file.write_text(f"-- impalas, the first one first\n{IMPALAS};\n")
    amina = browser(url)
    amina.app.state.desk.queues.add_query(named_by_file(url, file))
    queue = {"kind": "query"}
    shas = [sha for (sha,) in told(engine, IMPALAS)]
    total = len(shas)
    assert amina.ask("size", queue=queue)["total"] == total > 2
    assert 'data-kind="query"' in amina.get("/").text
    first, other = amina.ask("next", queue=queue, after=0, most=2)["items"]
    keys = dict(told(engine, "SELECT sha256, id FROM media"))
    assert [first["media_id"], other["media_id"]] == [keys[sha] for sha in shas[:2]]
    assert {said["name"] for said in first["machine"]} >= {"Aepyceros melampus"}
    said = [{"observation_type": "animal", "name": "Aepyceros melampus"}]
    amina.ask("save", media_ids=[first["media_id"]], purpose="event", said=said)
    assert amina.ask("size", queue=queue)["answered"] == 1
    [left] = amina.ask("next", queue=queue, after=0, most=1)["items"]
    assert left["media_id"] == other["media_id"]
    alike = amina.ask("alike", queue=queue, after=0, most=40)
    found = [item["media_id"] for item in alike["items"]]
    assert found[0] == other["media_id"] and set(found) <= {keys[sha] for sha in shas[1:]}
    answers = [{"media_id": key, "said": said} for key in found]
    amina.ask("alike/save", queue=queue, answers=answers)
    assert amina.ask("size", queue=queue)["answered"] == 1 + len(found) > 2
    assert len(amina.ask("alike/undo", queue=queue)["items"]) == len(found)


def test_a_select_of_pictures_asks_for_them_one_by_one(url, engine):
    query = "SELECT media_id, path FROM media_status WHERE state = 'blank' ORDER BY path LIMIT 3"
    named = named_by(engine, query)
    assert (named.column, named.rows, named.unknown, len(named.media_ids)) == ("media_id", 3, 0, 3)
    amina = browser(url)
    amina.app.state.desk.queues.add_query(named)
    [item] = amina.ask("next", queue={"kind": "query_pictures"}, after=0, most=1)["items"]
    assert item["media_id"] == named.media_ids[0] and not item["of_visit"]


def test_rows_that_name_nothing_or_the_same_again_are_counted(engine):
    one = f"SELECT event_id FROM ({IMPALAS}) a"
    more = "SELECT 'nothing' AS event_id UNION ALL SELECT NULL"
    named = named_by(engine, f"{one} UNION ALL {one} UNION ALL {more}")
    assert named.unknown == 2 and named.rows == 2 * len(named.media_ids) + 2


def test_where_no_query_was_given_its_queue_says_so(url):
    answer = browser(url).post("/api/next", json={"queue": {"kind": "query"}, "most": 1})
    assert answer.status_code == 400 and "--query FILE.sql" in answer.json()["error"]


WRITES = (
    "DELETE FROM review_claim",
    "SELECT 1 AS event_id; DELETE FROM batch",
    "SELECT 1 AS event_id; COMMIT; DELETE FROM batch",
    "COMMIT",
    "DROP VIEW events",
    "WITH gone AS (DELETE FROM batch RETURNING name) SELECT name AS event_id FROM gone",
    "UPDATE batch SET name = 'x' RETURNING name AS event_id",
    "CREATE TABLE x AS SELECT 1 AS event_id",
    "PRAGMA journal_mode = DELETE",
    "ATTACH 'x.db' AS x",
    "SET TRANSACTION READ WRITE",
    "SELECT set_config('transaction_read_only', 'off', false) AS event_id",
    "COPY batch TO '/tmp/x'",
    "",
    "-- nothing",
    "SELEC",
    "SELECT name FROM batch",
    "SELECT no_column FROM batch",
    "SELECT '\0' AS event_id",
)


@pytest.mark.parametrize("sql", WRITES)
def test_what_is_not_one_select_is_refused_in_one_line_and_changes_nothing(engine, sql):
    before = told(engine, "SELECT id, name FROM batch ORDER BY id")
    with pytest.raises(InputError) as why:
        named_by(engine, sql)
    assert "\n" not in str(why.value) and len(str(why.value)) > 5
    assert told(engine, "SELECT id, name FROM batch ORDER BY id") == before


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE events SET scientific_name = 'x'", "begins with UPDATE.*SELECT event_id FROM"),
        ("-- mine\n/* all */ delete from events;", "begins with DELETE.*SELECT event_id FROM"),
        ("-- nothing\n", "empty: write SELECT event_id FROM"),
        (f"WITH a AS ({IMPALAS}) UPDATE events SET count = 1", "one SELECT that only reads"),
    ],
)
def test_what_would_write_is_told_what_is_run_here(engine, sql, says):
    with pytest.raises(InputError, match=says):
        named_by(engine, sql)


def test_a_select_that_takes_too_long_is_ended(engine):
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT CAST(max(x) AS text) AS event_id FROM n"
    )
    with pytest.raises(InputError, match=r"not done after 0\.2 s"):
        named_by(engine, endless, timeout_s=0.2)
    assert named_by(engine, IMPALAS).media_ids, "the connection is as it was"


KEYS = '[keys]\ne = "Loxodonta africana"\ng = "impala"\ny = "Chimaera sagax"\n'


def test_a_letter_answers_with_a_name_whatever_it_is_called_by(url, tmp_path):
    file = tmp_path / "keys.toml"
    file.write_text(KEYS)
    own = read_quick_keys(file, Names(url), TAKEN)
    names = {quick.key: (quick.taxon.name, quick.new) for quick in own}
    assert names["e"] == ("Loxodonta africana", False)
    assert names["g"] == ("Aepyceros melampus", False)
    assert names["y"] == ("Chimaera sagax", True)
    page = browser(url, quick=own).get("/review")
    assert "<td>e</td><td>Loxodonta africana" in page.text and 'data-key="e"' in page.text


def test_an_answer_is_spelled_as_the_label_set_in_use_spells_it(url, engine, tmp_path):
    """Of the starter set a puma is Puma concolor, and Felis concolor a synonym of it."""
    own = tmp_path / "mine.toml"
    own.write_text(
        'name = "mine"\n[lineage]\nFelidae = ["Carnivora", "Mammalia"]\n[[taxon]]\n'
        'scientific = "Felis concolor"\nfamily = "Felidae"\ncommon = ["mountain lion"]\n'
    )
    amina = browser(url, labels=str(own))
    keys = [key for (key,) in told(engine, "SELECT id FROM media ORDER BY id LIMIT 2")]
    for key, name in zip(keys, ("mountain lion", "felis concolor"), strict=True):
        said = [{"observation_type": "animal", "name": name}]
        amina.ask("save", media_ids=[key], purpose="review", said=said)
    names = told(engine, "SELECT name FROM review ORDER BY id DESC LIMIT 2")
    assert names == [("Felis concolor",), ("Felis concolor",)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[keys]\nb = "Loxodonta africana"', "uses this key itself; free are a c e g"),
        ('[keys]\n1 = "Loxodonta africana"', "uses this key itself"),
        ('[keys]\nee = "Loxodonta africana"', "one letter"),
        ('[keys]\ne = "Equus"\nE = "Equus"', "twice"),
        ('[keys]\n"\\n" = "Equus"', "one letter"),
        ("[keys]\ne = 3", "a name in quotes"),
        ('[keys]\ne = "elefant"', "no list knows 'elefant'"),
        ('e = "Loxodonta africana"', r"write \[keys\]"),
        ("[keys", "cannot be read as TOML"),
        ('[keys]\nj = "Equus"\nj = "Canis"', "line 3: j stands there twice: keep one"),
        ('[keys]\nj = "Equus"\n[keys]\nh = "Canis"', r"line 3: \[keys\] stands there twice"),
    ],
)
def test_a_table_of_keys_that_cannot_be_is_one_line(url, tmp_path, text, says):
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as why:
        read_quick_keys(file, Names(url), TAKEN)
    assert "\n" not in str(why.value)


def test_the_letters_that_are_taken_are_those_of_the_screens():
    tables = [
        re.search(r"const KEYS = \{(.*?)\n\};", (STATIC / name).read_text("utf-8"), re.S)[1]
        for name in ("review.js", "grid.js")
    ]
    letters = set(re.findall(r"^  ([A-Za-z]):", "\n".join(tables), re.M)) | {"q"}
    assert {letter.lower() for letter in letters} == set(TAKEN)


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [
        ("--query", "SELECT missing FROM events", "no such column: missing"),
        ("--query", None, "cannot be read: No such file"),
        ("--query", "SELECT 1" + " " * 100_000, "no longer than 100 kB"),
        ("--keys", '[keys]\nb = "impala"', "the screen uses this key itself"),
        (
            "--sites",
            "Dear all\nPlease find\n",
            "given: the site list has no taxon of",
        ),
    ],
)
def test_the_command_ends_with_2_and_one_line(empty_sqlite, tmp_path, option, text, says):
    if text is not None:
        (tmp_path / "given").write_text(text)
    words = ("review", option, "given", "--no-browser", "--database", f"sqlite:///{empty_sqlite}")
    said = typed(*words, cwd=tmp_path)
    assert said.returncode == 2 and said.stdout == ""
    assert says in said.stderr and said.stderr.strip().count("\n") == 0
