"""The review screen by real keys in a real browser: a person without a mouse."""

import json
import shutil
import time

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from tests.screens import fill_with_pictures, served

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
IMPALA = "Aepyceros melampus"
WAIT = 20_000  # ms, on a busy machine


@pytest.fixture(scope="module")
def chromium():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def url(empty_sqlite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    shutil.copy(empty_sqlite, folder / "camtriage.db")
    made = f"sqlite:///{folder / 'camtriage.db'}"
    fill_with_pictures(made, folder, 480)
    return made


@pytest.fixture(scope="module")
def screen(url, tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text('[keys]\ne = "African savanna elephant"\n')
    with served(url, users="Amina,Ben", keys=str(keys)) as running:
        yield running


@pytest.fixture(scope="module")
def page(chromium, screen):
    yield from opened(chromium, screen, "Amina")


def opened(chromium, screen, name):
    made = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    made.set_default_timeout(WAIT)
    troubles = []
    made.on("pageerror", lambda why: troubles.append(str(why)))
    made.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    made.goto(screen.addresses[name])
    yield made
    made.context.close()
    assert troubles == []


def until(page, condition: str) -> None:
    """Wait for an expression to be true; Playwright's own way is refused by the page's rules."""
    give_up = time.monotonic() + WAIT / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < give_up, f"never: {condition}"
        page.wait_for_timeout(20)


def begin(page, screen, query: str = "kind=visits"):
    """Open a queue and wait for its first picture."""
    page.goto(page.url.split("/", 3)[0] + f"//127.0.0.1:{screen.desk.port}/review?{query}")
    page.wait_for_selector("#plane img")
    until(page, "document.getElementById('done').textContent !== ''")


def left(page) -> int:
    return int(page.inner_text("#done").split(", ")[1].split()[0])


ANSWERED = "performance.getEntriesByName('answered').length"


def press(page, *keys) -> None:
    """Keys that answer: the next visit is shown when this returns."""
    *before, last = keys
    for key in before:
        page.keyboard.press(key)
    shown = page.evaluate(ANSWERED)
    page.keyboard.press(last)
    until(page, f"{ANSWERED} > {shown}")


def newest(url, number=1):
    """(type, name, count, sex, purpose, reviewer) of the answers saved last."""
    engine = open_database(url)
    query = (
        "SELECT observation_type, name, count, sex, purpose, reviewer FROM review"
        f" WHERE withdrawn_at IS NULL ORDER BY id DESC LIMIT {number}"
    )
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found[0] if number == 1 else sorted(found, key=str)


@pytest.mark.parametrize("query", ["kind=people", "kind=flags", "kind=doubtful&below=0.9"])
def test_every_queue_is_answered_by_keys_to_its_end_or_for_a_while(page, screen, query):
    begin(page, screen, query)
    before = left(page)
    press(page, "Enter")
    assert left(page) == before - 1


def test_the_queue_of_flags_says_why_and_has_a_link_to_confirm_or_dismiss(page, screen):
    begin(page, screen, "kind=flags")
    assert page.inner_text("#reason") == "look today. A person at night."
    assert page.get_attribute("#judge", "href").startswith("/flags/")


def test_one_key_answers_a_visit_and_the_next_one_is_there(page, screen, url):
    begin(page, screen)
    said = page.inner_text("#machine strong")
    before = left(page)
    press(page, "Enter")
    kind, name, *_, purpose, reviewer = newest(url)
    assert (name or kind) in said and (purpose, reviewer) == ("event", "Amina")
    words = {"b": "blank", "p": "human", "v": "vehicle", "u": "unknown"}
    for key, kind in words.items():
        press(page, key)
        assert newest(url)[0] == kind
    assert left(page) == before - 5


def test_a_number_before_a_word_counts_and_the_same_again_is_one_key(page, url):
    press(page, "1", "2", "p")
    assert newest(url)[:3] == ("human", None, 12)
    assert page.inner_text("button[data-key=r]") == "r Same again: 12 × person"
    press(page, "r")
    assert newest(url)[:3] == ("human", None, 12)


def test_what_a_key_saved_and_took_back_is_said_with_its_visit(page, screen, url):
    begin(page, screen)
    first = page.evaluate("document.querySelectorAll('#facts dd')[1].textContent")
    press(page, "p")
    press(page, "b")
    assert page.inner_text("#again") == "Same again: blank"
    assert page.inner_text("#last").startswith("Saved: blank, visit 20")
    press(page, "Backspace")
    assert page.inner_text("#last").startswith("Taken back: blank, visit 20")
    assert page.get_attribute("button[data-key=r]", "title") == "saves person"
    press(page, "Backspace")
    assert page.inner_text("#last") == f"Taken back: person, visit {first}"
    press(page, "Shift+Backspace")
    assert page.inner_text("#last") == f"Given again: person, visit {first}"
    search(page, "african savanna elephant")
    press(page, "Enter")
    assert page.inner_text("#last").startswith("Saved: African savanna elephant, visit 20")
    assert page.inner_text("#again") == "Same again: African savanna elephant"


def test_the_same_again_is_never_what_was_taken_back(page, screen, url):
    begin(page, screen)
    press(page, "p")
    press(page, "b")
    press(page, "Backspace")
    press(page, "r")
    assert newest(url)[0] == "human"


def search(page, letters: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(letters)
    page.wait_for_selector("#found li")


def test_a_search_begun_while_an_answer_is_saved_loses_no_letter(page, url):
    before, shown = newest(url), page.evaluate(ANSWERED)
    page.keyboard.press("u")
    page.keyboard.press("/")
    page.keyboard.type("vip")
    page.wait_for_selector("#found li")
    assert page.input_value("#typed") == "vip"
    page.keyboard.press("Escape")
    assert newest(url)[0] == "unknown" != before[0]
    until(page, f"{ANSWERED} > {shown}")  # the next visit is shown, and keys count again


def test_letters_find_a_species_and_several_may_be_in_one_picture(page, url):
    search(page, "zebr")
    page.keyboard.press("Shift+Enter")
    until(page, "document.getElementById('draft').textContent.includes('Equus')")
    page.keyboard.press("3")
    assert "3 ×" in page.inner_text("#draft")
    search(page, "impala")
    press(page, "Enter")
    names = {(row[1], row[2]) for row in newest(url, 2)}
    assert ("Aepyceros melampus", 3) in names and len(names) == 2


def test_a_name_that_no_list_has_is_saved_by_a_second_enter_alone(page, url):
    before = newest(url)
    search(page, "wolpertinger")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('sure').textContent.includes('Enter again saves it')")
    assert "does not look like one" in page.inner_text("#sure")
    page.keyboard.press("Escape")
    assert newest(url) == before
    search(page, "Chimaera sagax")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('sure').textContent.includes('Enter again saves it')")
    press(page, "Enter")
    assert newest(url)[1] == "Chimaera sagax"


def test_a_name_that_is_only_near_what_was_typed_is_saved_by_a_second_enter(page, url):
    before = newest(url)
    search(page, "impola")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('sure').textContent.startsWith('Is impala meant?')")
    assert newest(url) == before
    press(page, "Enter")
    assert newest(url)[1] == "Aepyceros melampus"


def test_the_keys_open_at_their_top_and_the_first_page_begins_at_its_first_queue(page, screen):
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('help').scrollTop") == 0
    page.keyboard.press("Enter")
    page.keyboard.press("q")
    page.wait_for_selector(".queues a:focus")
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    begin(page, screen)


def test_sex_and_a_comment_are_saved_with_the_answer_and_stay_text(page, url):
    page.keyboard.press("d")
    page.keyboard.press("f")  # the select's own keys: female
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('draft').textContent.includes('female')")
    search(page, "impala")
    press(page, "Enter")
    assert newest(url)[:4] == ("animal", "Aepyceros melampus", None, "female")
    press(page, "Backspace")
    press(page, "Shift+Backspace")
    page.wait_for_selector("#answer strong")
    assert "onerror" in page.inner_text("#answer") and not page.query_selector("#answer img")


def test_backspace_takes_back_and_shift_backspace_gives_again_also_after_a_restart(
    page, screen, url
):
    begin(page, screen)
    before = left(page)
    press(page, "b")
    press(page, "v")
    begin(page, screen)  # the page remembers nothing
    for _ in range(2):
        press(page, "Backspace")
    assert left(page) == before
    press(page, "Shift+Backspace")
    assert newest(url)[0] == "blank"
    assert "blank" in page.inner_text("#answer")
    press(page, "Backspace")


def test_an_answer_may_be_for_this_picture_or_for_selected_ones(page, screen, url):
    begin(page, screen)
    while page.locator("#strip button").count() < 3:
        press(page, "ArrowDown")
    page.keyboard.press("t")
    assert "this picture" in page.inner_text("#scope")
    page.keyboard.press("b")
    page.wait_for_selector("#strip .answered")
    assert newest(url)[0] == "blank" and newest(url)[4] == "review"
    page.keyboard.press("t")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+X")
    assert "3 selected" in page.inner_text("#scope")
    press(page, "2", "p")
    assert newest(url, 3) == [("human", None, 2, None, "review", "Amina")] * 3


def test_keys_that_look_change_nothing(page, screen, url):
    begin(page, screen)
    before, said = newest(url), page.inner_text("#machine")
    for key in (
        "z",
        "ArrowRight",
        "z",
        "n",
        "n",
        "Shift+N",
        "m",
        "o",
        "o",
        " ",
        "f",
        "f",
        "Escape",
    ):
        page.keyboard.press(key)
    assert "brightness" not in (page.get_attribute("#plane", "style") or "")
    page.keyboard.press("?")
    assert page.locator("#help tr").count() > 20
    page.keyboard.press("Escape")
    press(page, "ArrowDown")
    press(page, "ArrowUp")
    assert page.inner_text("#machine") == said and newest(url) == before


def test_times_are_shown_to_the_second_where_a_camera_wrote_less(page, screen, url):
    s, engine = schema.status.c, open_database(url)
    with writing(engine) as conn:
        key, was = conn.execute(sa.select(s.media_id, s.taken_at).limit(1)).one()
        less = sa.update(schema.status).values(taken_at=was.replace(microsecond=950000))
        conn.execute(less.where(s.media_id == key))
    begin(page, screen, f"kind=visits&answered=yes&at={key}")
    assert f"{was}" in page.inner_text("#facts") and ".95" not in page.inner_text("#facts")
    press(page, "u")
    assert ".95" not in page.inner_text("#last")
    press(page, "Backspace")
    with writing(engine) as conn:
        conn.execute(sa.update(schema.status).where(s.media_id == key).values(taken_at=was))
    engine.dispose()


def test_brackets_go_along_the_camera_and_plus_joins_the_machines_word(page, screen, url):
    begin(page, screen)
    said, here = newest(url), page.inner_text("#facts")
    camera = here.split("\n")[1]
    page.keyboard.press("]")
    until(page, f"document.getElementById('facts').innerText !== {json.dumps(here)}")
    assert page.inner_text("#facts").split("\n")[1] == camera
    page.keyboard.press("[")
    until(page, f"document.getElementById('facts').innerText === {json.dumps(here)}")
    page.keyboard.press("+")
    until(page, "document.getElementById('draft').textContent.startsWith('Your answer: ')")
    page.keyboard.press("s")
    assert page.evaluate("document.getElementById('search').open")
    page.keyboard.press("Escape")
    until(page, "!document.getElementById('search').open")
    page.keyboard.press("Escape")
    until(page, "document.getElementById('draft').textContent === ''")
    assert newest(url) == said


def test_a_key_that_comes_before_a_closed_search_is_drawn_counts(page, screen):
    begin(page, screen)
    page.keyboard.press("2")
    page.keyboard.press("s")
    page.evaluate("""() => {
        const typed = document.getElementById("typed");
        document.getElementById("search").close();
        typed.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }""")
    assert page.inner_text("#draft") == ""


def test_the_audit_asks_for_one_picture_and_says_what_the_answers_tell(page, screen, url):
    begin(page, screen, "kind=audit")
    assert page.inner_text("#question") == "What is on this picture?"
    for _ in range(3):
        press(page, "Enter")
    assert newest(url)[0] == "blank" and newest(url)[4] == "audit"
    begin(page, screen, "kind=audit")
    until(page, "document.getElementById('interval').textContent !== ''")
    assert "missed among the blanks 0.0 % [0.0–" in page.inner_text("#interval")


def test_a_hidden_picture_is_shown_by_one_key(page, screen):
    begin(page, screen, "kind=visits&species=human&answered=yes")
    screen.desk._clear.clear()
    begin(page, screen, "kind=visits&species=human&answered=yes")
    assert "hidden" in page.inner_text("#over")
    page.keyboard.press("h")
    page.wait_for_selector("#over", state="hidden")


FINISHED = "document.body.classList.contains('finished')"


def answer_to_the_end(*pages) -> None:
    """Everybody presses at the same moment, until nobody has a visit before him."""
    number = "performance.getEntriesByName('answered').length"
    while busy := [page for page in pages if not page.evaluate(FINISHED)]:
        shown = [page.evaluate(number) for page in busy]
        for page in busy:
            page.keyboard.press("u")
        for page, before in zip(busy, shown, strict=True):
            until(page, f"{number} > {before}")


def answers_by_visit(url):
    """(visit, who) of every answer that stands."""
    engine = open_database(url)
    query = "SELECT media_id, reviewer FROM review WHERE withdrawn_at IS NULL ORDER BY id"
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found


def test_two_browsers_on_postgresql_share_a_queue_and_undo_outlives_the_server(
    chromium, postgres_copy, tmp_path
):
    """Each visit is answered once, by one of them; then the server is another one."""
    fill_with_pictures(postgres_copy, tmp_path, 120)
    with served(postgres_copy, users="Amina,Ben") as screen:
        for amina in opened(chromium, screen, "Amina"):
            for ben in opened(chromium, screen, "Ben"):
                for page in (amina, ben):
                    begin(page, screen)
                total = int(amina.inner_text("#done").split()[2].rstrip(","))
                answer_to_the_end(amina, ben)
    said = answers_by_visit(postgres_copy)
    assert len(said) == len({visit for visit, _ in said}) == total > 8
    assert {who for _, who in said} == {"Amina", "Ben"}
    last = [visit for visit, who in said if who == "Amina"][-1]
    with served(postgres_copy, users="Amina") as screen:
        for amina in opened(chromium, screen, "Amina"):
            amina.goto(f"http://127.0.0.1:{screen.desk.port}/review?kind=visits")
            until(amina, FINISHED)
            press(amina, "Backspace")
            left_over = answers_by_visit(postgres_copy)
            assert left_over == [one for one in said if one != (last, "Amina")]
            press(amina, "Shift+Backspace")
            assert answers_by_visit(postgres_copy) == said


def test_a_key_of_the_projects_own_answers_with_its_name_and_stands_in_the_help(page, screen, url):
    begin(page, screen)
    assert "Loxodonta africana (African savanna elephant)" in page.text_content("#help")
    press(page, "2", "e")
    assert newest(url)[:3] == ("animal", "Loxodonta africana", 2)


def begin_grid(page, screen, species: str) -> int:
    """Open a grid; how many visits it shows."""
    page.goto(f"http://127.0.0.1:{screen.desk.port}/grid?kind=visits&species={species}")
    page.wait_for_selector("#tiles img")
    until(page, "document.getElementById('done').textContent !== ''")
    return page.locator("#tiles [role=option]").count()


def test_a_grid_of_look_alikes_is_accepted_by_one_key_but_for_those_left_out(page, screen, url):
    many = begin_grid(page, screen, IMPALA)
    before, said = left(page), newest(url)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    assert page.inner_text("#question").startswith(f"{many - 2} of {many} selected")
    press(page, "Enter")
    assert left(page) == before - many + 2
    mine = ("animal", IMPALA, "event", "Amina")
    assert {row[:2] + row[4:] for row in newest(url, many - 2)} == {mine}
    assert page.locator("#tiles [role=option]").count() == 2, "those that were left out"
    page.keyboard.press("Enter")  # twice by mistake
    until(page, "document.getElementById('message').textContent.includes('left out')")
    assert left(page) == before - many + 2
    press(page, "e")
    assert newest(url)[1] == "Loxodonta africana" and left(page) == before - many
    press(page, "Backspace")
    assert page.locator("#tiles [aria-selected=true]").count() == 2
    press(page, "Backspace")
    assert left(page) == before and newest(url) == said
    assert page.locator("#tiles [role=option]").count() == many - 2
    press(page, "PageDown")
    press(page, "PageDown")
    assert newest(url) == said, "what is left without an answer has none"


def test_hidden_people_are_left_out_of_a_grid_until_they_are_shown(page, screen):
    screen.desk._clear.clear()
    many = begin_grid(page, screen, "human")
    assert page.inner_text("#question").startswith(f"0 of {many} selected")
    for key in ("x", "Shift+x"):
        page.keyboard.press(key)
        assert page.inner_text("#question").startswith(f"0 of {many} selected"), "nobody sees them"
    page.keyboard.press("h")
    until(page, "document.querySelectorAll('#tiles [aria-selected=true]').length === 1")


SMALL = """[...document.querySelectorAll('button, a, input, select')]
    .filter((e) => e.offsetParent).map((e) => [e.outerHTML, e.getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < 40).map(([html]) => html)"""


def test_without_a_keyboard_a_grid_is_answered_by_touch_on_a_phone(page, screen, url):
    page.set_viewport_size({"width": 390, "height": 844})
    many = begin_grid(page, screen, IMPALA)
    assert many == 6, "as many as fit"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bottom = "e => e.getBoundingClientRect().bottom"
    lowest = page.locator("#tiles [role=option]").last.evaluate(bottom)
    assert lowest <= page.locator("footer").evaluate("e => e.getBoundingClientRect().top")
    assert page.evaluate(SMALL) == [], "for a finger"
    page.click("button[data-key='/']")
    page.click("#leave")
    assert not page.evaluate("document.getElementById('search').open")
    page.locator("#tiles [role=option]").first.click()
    page.click("button[data-key=b]")
    until(page, "document.querySelectorAll('#tiles [role=option]').length === 1")
    assert newest(url, many - 1) == [("blank", None, None, None, "event", "Amina")] * (many - 1)
    page.click("button[data-key=Backspace]")
    until(page, f"document.querySelectorAll('#tiles [role=option]').length === {many - 1}")
    begin(page, screen)
    for key in ("x", "b"):
        page.click(f"button[data-key={key}]")
    until(
        page, "document.querySelector('#strip .answered') || !document.querySelector('.selected')"
    )
    assert newest(url)[4] == "review", "of the selected picture alone"


@pytest.mark.parametrize("width, height", [(390, 844), (1280, 800), (1920, 1080)])
def test_the_picture_is_large_and_nothing_hangs_over_the_edge(page, screen, width, height):
    page.set_viewport_size({"width": width, "height": height})
    begin(page, screen)
    shown = page.evaluate("document.querySelector('#plane img').getBoundingClientRect().toJSON()")
    assert shown["width"] * shown["height"] > 0.2 * width * height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_a_wide_table_of_stations_scrolls_in_its_own_box_with_a_hint(page, screen):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"http://127.0.0.1:{screen.desk.port}/map")
    page.locator("td a").first.evaluate("e => { e.textContent = 'a'.repeat(60); }")
    box = page.locator(".wide", has=page.locator("table"))
    assert box.evaluate("e => e.scrollWidth > e.clientWidth")
    assert "gradient" in box.evaluate("e => getComputedStyle(e).backgroundImage"), "a hint of more"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_empty_queue_says_so(page, screen):
    page.goto(f"http://127.0.0.1:{screen.desk.port}/review?kind=sample")
    page.wait_for_selector("#over", state="visible")
    until(page, "document.getElementById('over').textContent.trim() !== ''")
    assert "Nothing is left" in page.inner_text("#over")
