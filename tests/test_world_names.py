"""The bundled names of the world: right in themselves, and found by what people type."""

import time

import pytest
import sqlalchemy as sa
from makers import fill

from db.core import schema
from db.core.engine import open_database, reading, writing
from flows.services.exchange import outgoing
from flows.services.exchange.outgoing import Sharing
from flows.services.reviewing.names import Names
from flows.services.reviewing.saving import Answers
from flows.services.reviewing.shown import Said
from flows.services.study import population
from pipeline.population.events.sightings import StudyRequest
from pipeline.species.answers import taxa_of
from pipeline.species.labelset import RANKS, LabelSet, Taxon, load_labelset
from pipeline.species.learned import taxon_of
from pipeline.species.search import Found, SearchIndex, search, search_index
from pipeline.species.world import with_world, world


def index_of(labelset: LabelSet, site_list: frozenset[str] | None = None, used=()) -> SearchIndex:
    named = {*used, *(site_list or ())}
    return search_index(with_world(labelset, named), site_list, used, taxa_of(labelset))


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    return index_of(load_labelset())


def names(found: tuple[Found, ...]) -> list[str]:
    return [one.taxon.name for one in found if not one.new]


def first_that_is_saved_by_one_key(index: SearchIndex, typed: str) -> str | None:
    first = search(index, typed)[0]
    return None if first.new or first.near else first.taxon.name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("red d", "Cervus elaphus"),
        ("red deer", "Cervus elaphus"),
        ("moose", "Alces alces"),
        ("roe", "Capreolus capreolus"),
        ("elk", "Cervus canadensis"),
        ("elk (e", "Alces alces"),
        ("collared p", "Dicotyles tajacu"),
        ("javelina", "Dicotyles tajacu"),
        ("pecari taj", "Dicotyles tajacu"),
        ("puma", "Puma concolor"),
        ("coyote", "Canis latrans"),
        ("cats", "Felidae"),
        ("cat family", "Felidae"),
        ("cat", "Felis catus"),
        ("wolf", "Canis lupus"),
        ("wildebeest", "Connochaetes taurinus"),
        ("kangaroo", "Macropodidae"),
        ("bush duiker", "Sylvicapra grimmia"),
        ("duiker", "Cephalophinae"),
        ("rhinoceros", "Rhinocerotidae"),
        ("nine b", "Dasypus novemcinctus"),
        ("tayra", "Eira barbara"),
        ("stoat", "Mustela erminea"),
        ("dingo", "Canis dingo"),
        ("binturong", "Arctictis binturong"),
        ("great cur", "Crax rubra"),
        ("nile mon", "Varanus niloticus"),
    ],
)
def test_one_key_takes_what_a_biologist_means(index, typed, meant):
    assert first_that_is_saved_by_one_key(index, typed) == meant


@pytest.mark.parametrize(
    ("typed", "wide", "narrow"),
    [("peccary", "Tayassuidae", "Tayassu pecari"), ("serow", "Capricornis", "Capricornis crispus")],
)
def test_where_several_have_the_word_the_taxon_of_all_comes_first(index, typed, wide, narrow):
    first, *others = names(search(index, typed))
    assert first == wide
    assert narrow in others


def test_where_a_name_is_as_good_for_two_both_are_offered(index):
    assert names(search(index, "red squirrel"))[:2] == [
        "Sciurus vulgaris",
        "Tamiasciurus hudsonicus",
    ]


@pytest.mark.parametrize("typed", ["hert", "read deer", "mooze", "cat famliy"])
def test_what_is_only_near_is_never_taken_by_one_key(index, typed):
    assert first_that_is_saved_by_one_key(index, typed) is None


def test_a_name_that_is_whole_has_none_beside_it_that_is_only_near(index):
    found = search(index, "puma")
    assert names(found)[:2] == ["Puma concolor", "Puma"]
    assert "Homo sapiens" not in names(found)
    assert not any(one.near for one in found)


def test_the_lists_of_a_project_come_before_the_names_of_the_world(index):
    first, *_, last = search(index, "deer")
    assert first.taxon.name == "Cervidae"
    assert [one.taxon.listed for one in search(index, "deer")][:3] == [True] * 3
    assert not last.taxon.listed or last.new
    site = index_of(load_labelset(), frozenset({"Cervus nippon"}), ["Dama dama"])
    assert names(search(site, "deer "))[:3] == ["Cervidae", "Cervus nippon", "Dama dama"]
    assert search(site, "sika")[0].taxon.common == "sika deer"


def test_a_family_that_was_once_saved_as_a_species_is_offered_as_the_family():
    again = index_of(load_labelset(), used=["cat family", "our old tom"])
    found = names(search(again, "cat fam"))
    assert found[0] == "Felidae"
    assert "cat family" not in found
    assert names(search(again, "our old")) == ["our old tom"]


def test_who_says_the_older_name_goes_on_with_it():
    older = index_of(load_labelset(), used=["Pecari tajacu"])
    taxon = search(older, "javelina")[0].taxon
    assert (taxon.name, taxon.rank, taxon.used) == ("Pecari tajacu", "species", True)
    known = taxon_of("Pecari tajacu", with_world(load_labelset(), ["Pecari tajacu"]))
    assert known.parents[:2] == (("genus", "Pecari"), ("family", "Tayassuidae"))


def test_what_was_found_has_its_rank_and_all_that_is_above_it():
    known = with_world(load_labelset())
    assert taxon_of("Felidae", known).rank == "family"
    assert taxa_of(known)["Alces alces"] == (
        ("species", "Alces alces"),
        ("genus", "Alces"),
        ("family", "Cervidae"),
        ("order", "Artiodactyla"),
        ("class", "Mammalia"),
    )


def test_an_answer_that_was_searched_is_known_to_the_screen_to_exports_and_to_the_study(tmp_path):
    url = f"sqlite:///{tmp_path}/camtriage.db"
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, 8)
    with reading(engine) as conn:
        first, second, *_ = conn.execute(sa.select(schema.media.c.id)).scalars()
    engine.dispose()
    screen, answers = Names(url), Answers(url)
    for media_id, typed in ((first, "moose"), (second, "cat family")):
        name = screen.find(typed)[0].taxon.name
        answers.save("Amina", [media_id], "review", [Said("animal", name, 1)])
    taxa = outgoing.results(url, Sharing()).taxa
    assert taxa["Alces alces"][2] == taxa["Capreolus"][1] == ("family", "Cervidae")
    assert taxa["Felidae"][0] == ("family", "Felidae")
    basis = population.read_basis(url, StudyRequest())
    assert {"Alces", "Cervidae", "Mammalia"} <= basis.wider_than("Alces alces")


def test_a_label_set_of_ones_own_says_what_is_above_and_which_name_counts():
    cat = ("family", "Felidae"), ("order", "Carnivora"), ("class", "Mammalia")
    own = LabelSet(
        "own",
        (
            Taxon("Felis concolor", "species", (("genus", "Felis"), *cat), (), (), False, "animal",
                  ("Puma concolor",)),
            Taxon("Lynx", "genus", (("subfamily", "Felinae"), *cat), (), ()),
        ),
    )  # fmt: skip
    known = with_world(own)
    assert names(search(index_of(own), "puma"))[0] == "Felis concolor"
    assert "Puma concolor" not in known.names
    assert taxa_of(known)["Lynx lynx"][1:3] == (("genus", "Lynx"), ("subfamily", "Felinae"))


def test_every_row_has_a_rank_and_parents_up_to_its_class():
    for taxon in world().taxa:
        assert taxon.rank in RANKS, taxon.name
        above = [rank for rank, _ in taxon.parents]
        narrower = RANKS.index(taxon.rank)
        wanted = {rank for rank in RANKS[narrower + 1 :] if rank not in ("species", "subfamily")}
        assert wanted <= {*above}, taxon.name


def test_one_taxon_has_one_parent_everywhere_and_the_same_one_as_in_the_starter():
    above: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for taxon in (*load_labelset().taxa, *world().taxa):
        chain = ((taxon.rank, taxon.name), *taxon.parents)
        for place, link in enumerate(chain):
            assert above.setdefault(link, chain[place + 1 :]) == chain[place + 1 :], taxon.name


def test_no_name_is_said_twice_of_different_animals():
    starter, owner = load_labelset(), {}
    for taxon in (*starter.taxa, *world().taxa):
        for name in (taxon.name, *taxon.common, *taxon.also):
            assert name == " ".join(name.split()), f"blanks: {name!r}"
            assert owner.setdefault(name.casefold(), taxon.name) == taxon.name, name
    assert len({*world().names}) == len(world().taxa)
    assert all(taxon.common for taxon in world().taxa)


def test_a_letter_typed_is_answered_at_once(index):
    took = []
    for typed in ("red d", "hert", "white tailed", "peccary", "a") * 4:
        begin = time.process_time()
        search(index, typed)
        took.append(time.process_time() - begin)
    assert min(took[1::5]) < 0.05
