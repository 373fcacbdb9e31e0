"""Label sets are read strictly: what is wrong is named, in one line."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.species.labelset import allowed, load_labelset, load_site_list

SMALL = """
name = "small"
templates = ["{name}", "a {name} of the {family}"]
[lineage]
Canidae = ["Carnivora", "Mammalia"]
Cervidae = ["Artiodactyla", "Mammalia"]
[[taxon]]
scientific = "Vulpes vulpes"
family = "Canidae"
common = ["red fox"]
protected = true
[[taxon]]
scientific = "Cervidae"
rank = "family"
common = ["deer"]
[[taxon]]
scientific = "Canis familiaris"
family = "Canidae"
common = ["dog"]
forms = ["poodle", "greyhound"]
[[taxon]]
observation_type = "vehicle"
common = ["vehicle"]
prompts = ["a car", "a truck"]
"""


def written(tmp_path: Path, text: str, name: str = "set.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_template_may_have_the_whole_taxonomy_as_bioclip_learned_it(tmp_path):
    (tmp_path / "park.toml").write_text(
        'name = "park"\ntemplates = ["a photo of {taxonomy} with common name {name}", "{name}"]\n'
        '[lineage]\nCanidae = ["Carnivora", "Mammalia"]\n'
        '[[taxon]]\nscientific = "Vulpes vulpes"\nfamily = "Canidae"\ncommon = ["red fox"]\n'
        '[[taxon]]\nscientific = "Canis"\nfamily = "Canidae"\ncommon = ["dog"]\n'
    )
    prompts = {
        taxon.name: taxon.prompts for taxon in load_labelset(str(tmp_path / "park.toml")).taxa
    }
    fox = "Animalia Chordata Mammalia Carnivora Canidae Vulpes vulpes"
    assert prompts["Vulpes vulpes"] == ((f"a photo of {fox} with common name red fox", "red fox"),)
    assert prompts["Canis"] == (("dog",),)


def test_a_taxon_gets_its_parents_from_its_name_and_the_lineage(tmp_path):
    fox = next(t for t in load_labelset(written(tmp_path, SMALL)).taxa if t.common == ("red fox",))
    assert fox.parents == (
        ("genus", "Vulpes"),
        ("family", "Canidae"),
        ("order", "Carnivora"),
        ("class", "Mammalia"),
    )
    assert fox.prompts == (("red fox", "a red fox of the Canidae"),)
    assert fox.protected


def test_forms_get_a_group_of_prompts_each_and_own_prompts_are_taken_as_they_are(tmp_path):
    taxa = {one.name: one for one in load_labelset(written(tmp_path, SMALL)).taxa}
    assert taxa["Canis familiaris"].prompts == (
        ("poodle", "a poodle of the Canidae"),
        ("greyhound", "a greyhound of the Canidae"),
    )
    assert taxa["vehicle"].prompts == (("a car", "a truck"),)
    assert taxa["vehicle"].rank == ""


def test_relatives_stand_side_by_side_whatever_the_order_in_the_file(tmp_path):
    names = load_labelset(written(tmp_path, SMALL)).names
    assert names == ("Cervidae", "Canis familiaris", "Vulpes vulpes", "vehicle")


def test_the_digest_changes_with_content_and_not_with_comments_or_order(tmp_path):
    first = load_labelset(written(tmp_path, SMALL)).digest
    head, *taxa = SMALL.split("[[taxon]]")
    turned = "# said otherwise\n" + "[[taxon]]".join([head, *reversed(taxa)])
    assert load_labelset(written(tmp_path, turned)).digest == first
    assert load_labelset(written(tmp_path, SMALL.replace("poodle", "pug"))).digest != first


def test_the_starter_set_names_taxa_at_the_rank_its_evidence_tells():
    starter = load_labelset("starter")
    rank = {one.name: one.rank for one in starter.taxa}
    assert rank["Panthera leo"] == "species"
    assert rank["Hyaenidae"] == "family"  # ImageNet's hyenas are of three species
    taxa = {taxon.name: taxon for taxon in starter.taxa}
    assert taxa["Panthera tigris"].protected
    assert taxa["Vulpes vulpes"].common[0] == "red fox"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('name = "x"', "at least one"),
        ("name = 3\n[[taxon]]", "name must be a text"),
        (SMALL.replace('"Vulpes vulpes"', '"vulpes vulpes"'), "no scientific name"),
        (SMALL.replace('"Vulpes vulpes"', '"Vulpes vulpes\\u0000"'), "unprintable"),
        (SMALL.replace('"red fox"', '"' + "x" * 300 + '"'), "too long"),
        (SMALL.replace("{name} of", "{name.__class__} of"), "template"),
        (SMALL.replace("{name} of", "{0} of"), "template"),
        (SMALL.replace("protected = true", "protected = 1"), "true or false"),
        (SMALL.replace("protected = true", "protekted = true"), "unknown 'protekted'"),
        (SMALL.replace('"vehicle"\ncommon', '"ufo"\ncommon'), "observation_type"),
        (SMALL.replace('rank = "family"', 'rank = "species"'), "does not fit"),
        (SMALL.replace('"Canis familiaris"', '"Vulpes vulpes"'), "twice"),
        (SMALL.replace('["Artiodactyla", "Mammalia"]', '["Artiodactyla"]'), "[order, class]"),
        (
            SMALL.replace(
                'family = "Canidae"\ncommon = ["dog"]', 'family = "Felidae"\ncommon = []'
            ).replace("Canis familiaris", "Vulpes lagopus"),
            "different parents",
        ),
        ("[[taxon", "TOML"),
        ("a = " + "[" * 5000, "TOML"),
        ("a = " + "9" * 5000, "TOML"),
    ],
)
def test_a_wrong_set_is_refused_in_one_line(tmp_path, wrong, said):
    with pytest.raises(SettingsError) as refused:
        load_labelset(written(tmp_path, wrong))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_an_unknown_set_is_refused_with_the_ones_there_are():
    with pytest.raises(SettingsError, match="bundled are starter"):
        load_labelset("../../secrets")


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_labelset(tmp_path / "none.toml")
    (tmp_path / "junk.toml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_labelset(tmp_path / "junk.toml")


def test_a_site_list_is_one_name_a_line_or_toml(tmp_path):
    text = written(tmp_path, "# the park\nVulpes vulpes\n\nCervus elaphus # red deer\n", "l.txt")
    toml = written(tmp_path, 'may_occur = ["Vulpes vulpes", "Cervus elaphus"]', "l.toml")
    assert load_site_list(text) == load_site_list(toml) == {"Vulpes vulpes", "Cervus elaphus"}


@pytest.mark.parametrize("wrong", ["red fox\n", "", "# nothing\n", "Vulpes vulpes; drop table\n"])
def test_a_wrong_site_list_is_refused(tmp_path, wrong):
    with pytest.raises(SettingsError):
        load_site_list(written(tmp_path, wrong, "list.txt"))


def test_a_taxon_may_occur_if_it_or_a_wider_or_narrower_name_is_listed(tmp_path):
    labelset = load_labelset(written(tmp_path, SMALL))

    def may(*listed):
        verdict = allowed(labelset, frozenset(listed))
        return {name for name, yes in zip(labelset.names, verdict, strict=True) if yes}

    assert may("Vulpes vulpes") == {"Vulpes vulpes", "vehicle"}
    assert may("Canidae") == {"Vulpes vulpes", "Canis familiaris", "vehicle"}
    assert may("Mammalia") == set(labelset.names)
    with pytest.raises(SettingsError, match="no taxon"):
        may("Panthera leo")


def test_a_family_may_occur_where_one_of_its_species_does():
    starter = load_labelset("starter")
    verdict = dict(
        zip(starter.names, allowed(starter, frozenset({"Mustela erminea"})), strict=True)
    )
    assert verdict["Mustela"] and verdict["Mustelidae"]
    assert not verdict["Lutrinae"] and not verdict["Vulpes vulpes"]
