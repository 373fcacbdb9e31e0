"""Names learned from reviews: over clusters drawn with fixed seeds, and over both databases."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading, writing
from db.store.batches import batch_row, read_recipe, save_batch, save_recipe, set_current
from db.store.deployments import save_deployments
from db.store.labels import labels_of
from db.store.media import save_media
from db.store.reviewing.reviews import save_reviews
from db.store.reviewing.told import told_pictures
from db.store.scores import save_window
from db.store.visits import save_visits, visits_of
from db.store.windows import save_windows, windows_left
from flows.execution import loaded as models
from flows.execution.directly import Directly
from flows.run_options import NamingOptions
from flows.services.relabel import relabel
from flows.services.reviewing.learn import learn_names
from flows.steps import recipes
from flows.steps.ingest import names_given_up
from pipeline.errors import SettingsError, WeightsError
from pipeline.records import (
    Deployment,
    Embedding,
    FrameScores,
    Media,
    Review,
    Visit,
    Window,
    WindowScores,
)
from pipeline.settings import Labels
from pipeline.species import learned, zeroshot
from pipeline.species.labelset import load_labelset
from pipeline.train.corrections.learn import learn
from pipeline.train.corrections.lessons import Lessons, groups_of
from tests.cards import TWO_TAXA
from tests.commands import camtriage

KNOWN, STRANGE = "Vulpes vulpes", "Gulo fictus"  # a name of the starter's, and one it never knew
FACTS = {"name": "t", "labeller": {"name": "starter", "sha256": "x"}}


@pytest.fixture(scope="module")
def bank() -> zeroshot.Bank:
    return zeroshot.bank(load_labelset(), models.encoder("starter", None))


@pytest.fixture(scope="module")
def three(bank):
    """A name that the labeller knows, one that it does not, and pictures without an animal."""
    return learn(clusters([KNOWN, STRANGE, None], bank), bank, Labels(), 0.95, FACTS)


def seen(sha: str) -> FrameScores:
    return FrameScores(
        sha, 0.05, 0.9, 0.02, 0.02, None, "kept", "fused", "colour", 0.5, 0.2, None,
        (0.0, 0.0, 0.5, 0.5), "evidence", None, (0.0, 0.0, 0.0, 0.0),
    )  # fmt: skip


def clusters(names, bank, each=10, places=6, spread=0.6, seed=0) -> Lessons:
    """Pictures of each name around a middle of its own, in each of `places` deployments.

    As the starter's own vectors: the last number is 0, and the one before is as long as the rest.
    """
    rng, d = np.random.default_rng(seed), bank.vectors.shape[1]
    middle = {name: rng.normal(size=d) / np.sqrt(d) for name in dict.fromkeys(names)}
    told = [name for name in names for _ in range(each)]
    of = [f"place {k % places}" for k in range(len(told))]

    def view():
        far = np.array([middle[n] for n in told]) + spread * rng.normal(
            size=(len(told), d)
        ) / np.sqrt(d)
        far[:, -1] = 0
        far[:, -2] = np.linalg.norm(far[:, :-2], axis=1)
        return (far / np.linalg.norm(far, axis=1, keepdims=True)).astype(np.float32)

    shas = tuple(f"{seed:032x}{k:032x}" for k in range(len(told)))
    looks = tuple(seen(sha) for sha in shas)
    return Lessons(shas, tuple(told), tuple(of), ("",) * len(told), shas, view(), view(), looks)


def called(found, lessons, bank) -> list[str | None]:
    over = learned.mixed(bank, found.head)
    labels = zeroshot.label(
        lessons.sha256s, lessons.crops, lessons.frames, lessons.scores, over, Labels()
    )
    return [label.name for label in labels]


def test_names_that_the_labeller_never_knew_are_learned_and_stated(bank, three):
    assert three.judged.better and three.judged.named_after.share > 0.9
    fresh = clusters([KNOWN, STRANGE, None], bank)  # the same middles
    names = called(three, replace(fresh, crops=fresh.frames, frames=fresh.crops), bank)
    assert names.count(STRANGE) >= 9 and names[10:20].count(STRANGE) >= 9


def test_a_picture_unlike_all_that_was_reviewed_keeps_the_labellers_own_name(bank, three):
    found = three
    others = clusters(["Alces alces", "Lynx lynx"], bank, seed=9)
    assert not {KNOWN, STRANGE} & {*called(found, others, bank)}
    own = zeroshot.label(others.sha256s, others.crops, others.frames, others.scores, bank, Labels())
    over = zeroshot.logits(others.crops, others.frames, learned.mixed(bank, found.head))
    best = np.array(learned.mixed(bank, found.head).labelset.names)[over.argmax(axis=1)]
    plain = zeroshot.logits(others.crops, others.frames, bank).argmax(axis=1)
    assert best.tolist() == np.array(bank.labelset.names)[plain].tolist() and own


def test_with_one_name_alone_only_pictures_like_it_are_called_so(bank):
    found = learn(clusters([STRANGE], bank, each=24, places=1), bank, Labels(), 0.95, FACTS)
    assert called(found, clusters([STRANGE], bank, each=24, places=1), bank).count(STRANGE) > 20
    others = clusters(["Alces alces"], bank, each=24, seed=9)
    assert STRANGE not in called(found, others, bank)


def test_names_given_at_random_are_never_kept(bank):
    for seed in range(2):
        lessons = clusters([KNOWN, STRANGE], bank, each=12, seed=seed)
        mixed = np.random.default_rng(seed).permutation(np.array(lessons.told)).tolist()
        try:
            assert not learn(
                replace(lessons, told=tuple(mixed)), bank, Labels(), 0.95, FACTS
            ).judged.better
        except SettingsError as why:
            assert "no level was found" in str(why)


def test_what_is_stated_is_as_true_as_was_asked_for_in_places_never_seen(bank):
    wrong = stated = 0
    for seed in range(2):
        lessons = clusters(
            [KNOWN, STRANGE, "Alces alces", None], bank, each=30, spread=3.0, seed=seed
        )
        half = np.array([int(place[-1]) < 3 for place in lessons.deployments])
        try:
            found = learn(part(lessons, half), bank, Labels(), 0.9, FACTS)
        except SettingsError:
            continue
        names = called(found, part(lessons, ~half), bank)
        told = part(lessons, ~half).told
        ours = {taxon.name for taxon in found.head.taxa}
        stated += sum(name in ours for name in names)
        wrong += sum(name in ours and name != true for name, true in zip(names, told, strict=True))
    assert stated > 40 and wrong / stated < 0.15


def part(lessons: Lessons, rows) -> Lessons:
    def some(values):
        return tuple(value for value, taken in zip(values, rows, strict=True) if taken)

    return Lessons(
        some(lessons.sha256s), some(lessons.told), some(lessons.deployments), some(lessons.days),
        some(lessons.visits), lessons.crops[rows], lessons.frames[rows], some(lessons.scores),
    )  # fmt: skip


def test_the_same_reviews_give_the_same_head(bank, three):
    again = learn(clusters([KNOWN, STRANGE, None], bank), bank, Labels(), 0.95, FACTS).head
    assert (again.weight == three.head.weight).all() and again.level == three.head.level


def test_too_few_reviews_are_refused_with_the_number_that_is_missing(bank):
    with pytest.raises(SettingsError, match="name 10 more with `camtriage review`"):
        learn(clusters([KNOWN], bank), bank, Labels(), 0.95, FACTS)
    once = clusters([KNOWN, STRANGE], bank)
    once = replace(once, told=tuple(f"Genus species{k}" for k in range(20)))
    with pytest.raises(SettingsError, match=r"no name has 3 pictures in 2 .*`camtriage review`"):
        learn(once, bank, Labels(), 0.95, FACTS)


def test_names_of_one_deployment_each_are_judged_by_visits_and_said_at_those_deployments(bank):
    lessons = clusters([KNOWN, STRANGE], bank)
    lessons = replace(lessons, deployments=tuple(f"of {name}" for name in lessons.told))
    found = learn(lessons, bank, Labels(), 0.95, FACTS)
    assert found.groups.words != "deployments" and not found.few
    once = replace(lessons, told=("Rara avis", *lessons.told[1:19], "Rara avis"))
    assert groups_of(once).words != "deployments"  # two pictures, one at each, teach nothing
    assert found.head.only_at == tuple(sorted({*lessons.deployments}))


def test_one_deployment_is_judged_by_its_days_or_else_by_its_visits(bank):
    lessons = clusters([KNOWN, STRANGE], bank, places=1)
    assert groups_of(lessons).words == "days" or groups_of(lessons).count == 20
    two_days = replace(lessons, days=("2026-05-01", "2026-05-02") * 10)
    assert groups_of(two_days).words == "visits"
    with pytest.raises(SettingsError, match="of 1 deployment and 2 visits"):
        groups_of(replace(two_days, visits=two_days.days))


def test_a_family_is_known_by_its_ending_and_a_genus_by_the_label_set():
    labelset = load_labelset()
    assert learned.taxon_of("Mustelidae", labelset).rank == "family"
    assert learned.taxon_of("Procaviidae", labelset).rank == "family"
    strange = learned.taxon_of("Vulpes fictus", labelset)
    assert strange.rank == "species" and ("family", "Canidae") in strange.parents


# Through the database: pictures of four cameras, with vectors around a middle for each name.

BEGIN = datetime(2026, 5, 1)
PLACES = ("A", "B", "C", "D")


@pytest.fixture(scope="module")
def url(url_of_module, bank, tmp_path_factory):
    """72 pictures of three kinds at four cameras, in visits of three; two visits of five are
    reviewed picture by picture, two as a whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        engine = open_database(url_of_module)
        lessons = clusters([KNOWN, STRANGE, "none"], bank, each=24, places=4)
        with writing(engine) as conn:
            _save(conn, lessons)
        engine.dispose()
        yield url_of_module


def _save(conn, lessons: Lessons) -> None:
    """In visits of three pictures of one kind at one camera, a day apart."""
    kinds = list(zip(lessons.told, lessons.deployments, strict=True))
    order = sorted(range(len(kinds)), key=lambda i: (kinds[i][1], kinds[i][0], i))
    media, of = [], {}
    for k, i in enumerate(order):
        at = BEGIN + timedelta(days=k // 3, seconds=k % 3)
        place = PLACES[int(lessons.deployments[i][-1])]
        media.append(
            Media(
                lessons.sha256s[i], f"{k:03}.JPG", 1, taken_at=at, clock="exif", deployment_id=place
            )
        )
        of[lessons.sha256s[i]] = i
    batch = save_batch(conn, "card", "/media/card", "abc")
    save_deployments(conn, [Deployment(place) for place in PLACES])
    save_media(conn, batch, media)
    look = save_recipe(conn, "look", {"encoder": recipes.identity(models.encoder("starter", None))})
    for number, place in enumerate(PLACES):
        shas = tuple(one.sha256 for one in media if one.deployment_id == place)
        save_windows(conn, batch, [Window(place, number, shas, tuple(range(len(shas))))])
    for window, _ in windows_left(conn, batch, look):
        mine = sa.text("SELECT sha256 FROM media WHERE work_window_id = :w")
        shas = conn.execute(mine, {"w": window}).scalars().all()
        vectors = tuple(
            Embedding(sha, view, np.float16(getattr(lessons, f"{view}s")[of[sha]]).tobytes())
            for sha in shas
            for view in ("crop", "frame")
        )
        save_window(conn, window, look, WindowScores(tuple(map(seen, shas)), vectors, (), ()))
    label = save_recipe(conn, "label", {"look": {}})
    shown = [tuple(media[k : k + 3]) for k in range(0, len(media), 3)]
    visits = [
        Visit(
            some[0].deployment_id, some[0].taken_at, some[-1].taken_at,
            tuple(one.sha256 for one in some), None, "animal", "Mammalia", "class", 0.9, None, None,
        )
        for some in shown
    ]  # fmt: skip
    save_visits(conn, label, visits, PLACES)
    set_current(conn, batch, look=look, label=label)
    save_reviews(conn, _reviews(shown, lessons, of), "test")


def _reviews(shown, lessons, of):
    for k, visit in enumerate(shown):
        told = lessons.told[of[visit[0].sha256]]
        kind, name = ("blank", None) if told == "none" else ("animal", told)
        if k % 5 < 2:
            for one in visit:
                yield Review(one.sha256, kind, name=name, reviewer="Amina")
        elif k % 5 < 4:
            yield Review(visit[0].sha256, kind, name=name, reviewer="Amina", purpose="event")


def test_answers_on_pictures_and_on_whole_visits_both_count(url):
    engine = open_database(url)
    with reading(engine) as conn:
        told = told_pictures(conn)
    engine.dispose()
    assert len(told) == 60 and all(len(one.said) == 1 for one in told)


def test_what_was_learned_names_the_cards_again_and_is_part_of_their_recipe(url):
    found = learn_names(NamingOptions(database=url), "park", 0.95)
    assert found.kept and found.unknown == (STRANGE,) and found.pictures == 60
    assert learned.load("learned:park").facts["training"]["reviewed_pictures"] == 60
    engine = open_database(url)
    with reading(engine) as conn:
        reviewed = {one.sha256 for one in told_pictures(conn)}
    relabel(NamingOptions(database=url, labeller="learned:park"), None, Directly(1))
    with reading(engine) as conn:
        recipe = batch_row(conn, 1)["label_recipe_id"]
        assert read_recipe(conn, recipe)["learned"]["sha256"] == learned.load("park").sha256
        labels = labels_of(conn, 1, recipe)
        visits = Counter(visit.name for visit in visits_of(conn, 1, recipe))
    engine.dispose()
    others = Counter(label.name for sha, label in labels.items() if sha not in reviewed)
    assert others[STRANGE] == 3 and others[KNOWN] == 6  # all of their kind that nobody reviewed
    assert visits[STRANGE] == visits[KNOWN] == 8


def test_a_run_without_what_was_learned_says_whose_names_it_gives_up(url):
    engine = open_database(url)
    with writing(engine) as conn:
        here = batch_row(conn, 1)["label_recipe_id"]
        plain = {**read_recipe(conn, here), "version": 0}
        plain.pop("learned", None)
        now = save_recipe(conn, "label", plain)
        park = save_recipe(conn, "label", {**plain, "learned": {"name": "park"}})
        set_current(conn, 1, label=park)
        assert names_given_up(conn, 1, park) == ()
        (said,) = names_given_up(conn, 1, now)
        set_current(conn, 1, label=here)
    engine.dispose()
    assert "camtriage relabel --labeller learned:park" in said


def test_vectors_of_another_labeller_are_refused(url, monkeypatch):
    learn_names(NamingOptions(database=url), "park", 0.95)
    head = learned.load("park")
    other = {**head.facts["labeller"], "sha256": "0" * 64}
    learned.save(replace(head, facts={**head.facts, "name": "old", "labeller": other}))
    with pytest.raises(WeightsError, match="learned:old reads vectors of another starter"):
        relabel(NamingOptions(database=url, labeller="learned:old"), None, Directly(1))
    elsewhere = {"name": "starter", "sha256": "0" * 64}
    monkeypatch.setattr(recipes, "identity", lambda model: elsewhere)
    with pytest.raises(SettingsError, match=r"have vectors of starter .60., not of starter as"):
        learn_names(NamingOptions(database=url), "park", 0.95)


def test_another_label_set_or_a_tag_of_weights_is_refused_before_anything_is_done(url, tmp_path):
    learn_names(NamingOptions(database=url), "park", 0.95)
    (tmp_path / "two.toml").write_text(TWO_TAXA)
    two = NamingOptions(database=url, labeller="learned:park", labels=str(tmp_path / "two.toml"))
    with pytest.raises(SettingsError, match="learned beside the label set starter, not"):
        relabel(two, None, Directly(1))
    with pytest.raises(SettingsError, match="--pretrained openai: learned:park knows its labeller"):
        models.encoder("learned:park", "openai")


def test_a_damaged_head_or_none_of_that_name_is_told_in_one_line(url, capsys):
    learn_names(NamingOptions(database=url), "park", 0.95)
    with pytest.raises(WeightsError, match=r"nothing of that name was learned .* park"):
        learned.load("learned:other")
    with pytest.raises(SettingsError, match="letters, digits"):
        learned.load("learned:../park")
    place = learned.place_of("park") / "learned.safetensors"
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="damaged or another file"):
        learned.load("park")
    assert camtriage("models") in (0, None)
    assert "learned, damaged: " in capsys.readouterr().out


def test_one_deployment_teaches_nothing_of_others(bank):
    lessons = clusters([STRANGE], bank, each=24, places=1)
    assert learn(lessons, bank, Labels(), 0.95, FACTS).head.only_at == ("place 0",)
    with pytest.raises(SettingsError, match="all reviewed pictures show Gulo fictus: answer some"):
        learn(clusters([STRANGE], bank, each=24), bank, Labels(), 0.95, FACTS)


def test_an_animal_that_is_a_mammal_to_people_teaches_no_name(url):
    engine = open_database(url)
    with writing(engine) as conn:
        reviewed = {one.sha256 for one in told_pictures(conn)}
        shas = conn.execute(sa.text("SELECT sha256 FROM media ORDER BY sha256")).scalars()
        new = [Review(sha, "animal", name="Mammalia") for sha in shas if sha not in reviewed]
        save_reviews(conn, new, "test")
    engine.dispose()
    found = learn_names(NamingOptions(database=url), "park", 0.95)
    assert found.left.nameless == len(new) > 0 and "Mammalia" not in dict(found.names)
