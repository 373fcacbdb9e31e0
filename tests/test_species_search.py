"""Typing finds the taxon that a person means."""

import time
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from pipeline.species.labelset import LabelSet as Set
from pipeline.species.labelset import Taxon, load_labelset
from pipeline.species.search import search, search_index
from pipeline.species.spelling import meant

DEER = """
name = "park"
[lineage]
Cervidae = ["Artiodactyla", "Mammalia"]
Felidae = ["Carnivora", "Mammalia"]
Canidae = ["Carnivora", "Mammalia"]
[[taxon]]
scientific = "Odocoileus virginianus"
family = "Cervidae"
common = ["white-tailed deer"]
also = ["Weißwedelhirsch", "cerf de Virginie", "Dama virginiana"]
[[taxon]]
scientific = "Odocoileus hemionus"
family = "Cervidae"
common = ["mule deer"]
[[taxon]]
scientific = "Panthera pardus"
family = "Felidae"
common = ["leopard"]
also = ["Felis pardus", "chui"]
[[taxon]]
scientific = "Vulpes vulpes"
family = "Canidae"
common = ["red fox"]
[[taxon]]
scientific = "Vulpes lagopus"
family = "Canidae"
common = ["Arctic fox"]
[[taxon]]
observation_type = "vehicle"
common = ["vehicle"]
[[taxon]]
observation_type = "blank"
common = ["nothing"]
"""


@pytest.fixture(scope="module")
def park(tmp_path_factory) -> Set:
    path: Path = tmp_path_factory.mktemp("labels") / "park.toml"
    path.write_text(DEER, "utf-8")
    return load_labelset(path)


def names(found) -> list[str]:
    return [hit.taxon.name for hit in found if not hit.new]


@pytest.mark.parametrize(
    ("typed", "name", "matched"),
    [
        ("o virg", "Odocoileus virginianus", "Odocoileus virginianus"),
        ("od.vir", "Odocoileus virginianus", "Odocoileus virginianus"),
        ("WHITE T", "Odocoileus virginianus", "white-tailed deer"),
        ("whitetailed", "Odocoileus virginianus", "white-tailed deer"),
        ("virginianus", "Odocoileus virginianus", "Odocoileus virginianus"),
        ("weisswedel", "Odocoileus virginianus", "Weißwedelhirsch"),
        ("f pard", "Panthera pardus", "Felis pardus"),
        ("chui", "Panthera pardus", "chui"),
        ("lepard", "Panthera pardus", "leopard"),
        ("leoprad", "Panthera pardus", "leopard"),
        ("leeopard", "Panthera pardus", "leopard"),
        ("odocolieus virg", "Odocoileus virginianus", "Odocoileus virginianus"),
        ("felid", "Felidae", "Felidae"),
        ("veh", "vehicle", "vehicle"),
    ],
)
def test_what_is_typed_finds_what_is_meant(park, typed, name, matched):
    first = search(search_index(park), typed)[0]
    assert (first.taxon.name, first.matched, first.new) == (name, matched, False)


def test_a_word_within_a_name_is_found_and_so_is_every_taxon_that_has_it(park):
    assert names(search(search_index(park), "fox")) == ["Vulpes vulpes", "Vulpes lagopus"]
    assert names(search(search_index(park), "deer"))[:2] == [
        "Odocoileus hemionus",
        "Odocoileus virginianus",
    ]


def test_the_site_list_comes_first_then_what_was_used_here(park):
    site = search_index(park, frozenset({"Vulpes lagopus"}), ["Vulpes vulpes"])
    assert names(search(site, "fox")) == ["Vulpes lagopus", "Vulpes vulpes"]
    used = search_index(park, None, ["Vulpes lagopus"])
    assert names(search(used, "fox")) == ["Vulpes lagopus", "Vulpes vulpes"]
    assert names(search(used, "vulpes v"))[0] == "Vulpes vulpes", "the better beginning"


def test_the_whole_name_comes_first_whatever_the_site_list_says(park):
    site = search_index(park, frozenset({"Vulpes lagopus", "Felidae"}))
    assert names(search(site, "red fox"))[0] == "Vulpes vulpes"


def test_a_beginning_comes_before_what_is_only_near(park):
    index = search_index(park, frozenset({"Vulpes vulpes"}), ["Leopardus pardalis", "Leoparda"])
    assert names(search(index, "leopardu"))[0] == "Leopardus pardalis"


def test_what_is_only_near_says_so(park):
    index = search_index(park)
    assert search(index, "lepoard")[0].near
    assert not search(index, "leop")[0].near


def test_a_species_comes_before_a_family_of_the_same_word():
    index = search_index(load_labelset("starter"))
    assert search(index, "wolf")[0].taxon.name == "Canis lupus"
    assert search(index, "canidae")[0].taxon.name == "Canidae"


def test_a_name_that_was_used_here_is_known_though_no_label_set_has_it(park):
    found = search(search_index(park, None, ["our old tom"]), "old")
    assert names(found) == ["our old tom"]
    assert found[0].taxon.used


def test_a_name_that_nobody_knows_may_be_entered_and_is_said_to_be_new(park):
    found = search(search_index(park), "  Genetta   tigrina ")
    assert [(hit.taxon.name, hit.new) for hit in found] == [("Genetta tigrina", True)]
    assert not any(hit.new for hit in search(search_index(park), "Red Fox"))


@pytest.mark.parametrize("typed", ["Genetta tigrina", "Panthera", "Canis lupus dingo", "Mus sp."])
def test_a_new_name_with_a_capital_and_latin_letters_looks_scientific(park, typed):
    assert search(search_index(park), typed)[-1].looks_scientific


@pytest.mark.parametrize("typed", ["raccoon", "Hedge Hog", "GENET", "genetta tigrina", "Cat 2"])
def test_a_new_name_that_cannot_be_scientific_is_told_as_such(park, typed):
    last = search(search_index(park), typed)[-1]
    assert last.new and not last.looks_scientific


@pytest.mark.parametrize("typed", ["vulpes vulpis", "red foks", "lepard"])
def test_what_is_near_stands_before_the_new_name(park, typed):
    *near, last = search(search_index(park), typed)
    assert near and last.new and not any(hit.new for hit in near)


def test_nothing_typed_and_what_is_no_name_find_nothing(park):
    index = search_index(park)
    assert [search(index, text) for text in ("", "  ", "a\x00b", "x" * 1000, "...")] == [()] * 5


def test_blank_is_no_name(park):
    assert names(search(search_index(park), "nothing")) == []


def test_other_names_change_no_result_of_a_model_and_are_understood_in_tables(park, tmp_path):
    bare = tmp_path / "bare.toml"
    lines = [line for line in DEER.splitlines() if not line.startswith("also")]
    bare.write_text("\n".join(lines), "utf-8")
    assert load_labelset(bare).digest == park.digest
    assert meant({"Felis pardus": 1, "Chui": 2}, (), park) == (
        {"Felis pardus": "Panthera pardus", "Chui": "Panthera pardus"},
        {},
    )


def test_the_bundled_set_knows_synonyms_and_other_languages_and_no_name_means_two_taxa():
    starter = load_labelset()
    index = search_index(starter)
    asked = {
        "f conc": "Puma concolor",
        "equus burch": "Equus quagga",
        "tembo": "Loxodonta africana",
    }
    asked |= {
        "tembo": "Loxodonta africana",
        "leon": "Panthera leo",
        "strauss": "Struthio camelus",
        "ngombe": "Bos taurus",
    }
    assert {typed: names(search(index, typed))[0] for typed in asked} == asked
    owners: dict[str, set[str]] = {}
    for taxon in starter.taxa:
        for name in (taxon.name, *taxon.common, *taxon.also):
            owners.setdefault(name.casefold(), set()).add(taxon.name)
    assert not {name: taxa for name, taxa in owners.items() if len(taxa) > 1}


def test_five_thousand_names_are_searched_sooner_than_each_is_compared_by_hand(park):
    """The quickest of five each, so that a busy machine is no failure: some 10 ms, and 60."""
    words = "anter bovid canin dorc elap fusc gran hirs ilex jub kob lept mont niger orin"
    some = words.split()
    taxa = [
        Taxon(f"{a.title()}{b}us {c}{d}i", "species", (), (f"{a} {c}{b} {d}",), ((a,),))
        for n, (a, b) in enumerate((a, b) for a in some for b in some)
        for c, d in [(some[n % 15], e) for e in some[:12]]
    ][:2500]
    index = search_index(Set("many", tuple(taxa)))
    assert len(index.names) >= 5000
    for typed in ("k", "mont", "o virgi", "leptmontus nigr", "dorcanterus dorcantery"):

        def by_hand(text: str = typed) -> float:
            return max(SequenceMatcher(None, name, text).quick_ratio() for name in index.names)

        assert _quickest(lambda text=typed: search(index, text)) < _quickest(by_hand), typed


def _quickest(work) -> float:
    """Seconds of processor, of twenty times: on a busy machine single ones take longer."""
    took = []
    for _ in range(20):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return min(took)


def test_a_species_that_no_list_has_comes_before_another_one_that_was_its_subspecies(tmp_path):
    (tmp_path / "elk.toml").write_text(
        DEER.replace("Dama virginiana", "Cervus elaphus virginianus"), "utf-8"
    )
    index = search_index(load_labelset(tmp_path / "elk.toml"))
    first, second, *_ = search(index, "Cervus elaphus")
    assert first.new and first.taxon.name == "Cervus elaphus"
    assert second.taxon.name == "Odocoileus virginianus"
    assert names(search(index, "Cervus el")) == ["Odocoileus virginianus"]
    assert not search(index, "Cervus el")[0].new
