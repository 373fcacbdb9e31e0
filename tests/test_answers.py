"""Names of another program: read, stored beside ours, chosen, and never taken for ours."""

import json
from pathlib import Path

import pytest
from makers import fill

from db.core.engine import open_database, writing
from db.store.batches import batch_by_name, batch_row, read_recipe, save_recipe
from flows.execution.directly import Directly
from flows.run_options import NamingOptions, RunOptions, StartedRun
from flows.services.relabel import relabel
from flows.steps import chain
from flows.steps.answers import answers_warnings, label_by_answers, naming_recipe
from pipeline.errors import SettingsError
from pipeline.exchange.answers.read import read_answers
from pipeline.exchange.answers.taxonomy import meaning, seven_fields
from pipeline.settings import Settings
from pipeline.species.answers import Bars, known_words, rolled_up, together
from pipeline.species.labelset import load_labelset
from tests import cards

HERE = "00000000-0000-0000-0000-000000000000"  # any identifier
DEER = f"{HERE};mammalia;artiodactyla;cervidae;cervus;elaphus;red deer"
FAMILY = f"{HERE};mammalia;artiodactyla;cervidae;;;cervidae family"
MAMMAL = f"{HERE};mammalia;;;;;mammal"
BOAR = f"{HERE};mammalia;artiodactyla;suidae;sus;scrofa;wild boar"
NOTHING = f"{HERE};no cv result;no cv result;no cv result;no cv result;no cv result;no cv result"
BOX = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.5, 0.3, 0.25]}
WORDS = known_words(load_labelset("starter"))


@pytest.mark.parametrize(
    "label, kind, name, word",
    [
        (DEER, "animal", "Cervus elaphus", "red deer"),
        (FAMILY, "animal", "Cervidae", "cervidae family"),
        (MAMMAL, "animal", "Mammalia", "mammal"),
        (f"{HERE};;;;;;animal", "animal", None, "animal"),
        (f"{HERE};;;;;;blank", "blank", None, "blank"),
        (f"{HERE};;;;;;vehicle", "vehicle", None, "vehicle"),
        (f"{HERE};mammalia;primates;hominidae;homo;sapiens;human", "human", None, "human"),
        (NOTHING, "unknown", None, "no cv result"),
        ("mammalia;carnivora;canidae;vulpes;vulpes;red fox", "animal", "Vulpes vulpes", "red fox"),
        ("mammalia;carnivora;canidae;vulpes;vulpes", "animal", "Vulpes vulpes", "Vulpes vulpes"),
        ("animalia;chordata;aves;;;;;bird", "animal", "Aves", "bird"),
        (
            f"{HERE};mammalia;artiodactyla;cervidae;cervus;elaphus nelsoni;elk",
            *("animal", "Cervus elaphus nelsoni", "elk"),
        ),
    ],
)
def test_a_label_of_seven_fields_is_a_kind_and_a_taxon(label, kind, name, word):
    found, taxon, said = seven_fields(label)
    assert (found, taxon[0][1] if taxon else None, said) == (kind, name, word)


def test_what_is_no_label_of_seven_fields_is_none():
    assert seven_fields("red deer") is None
    assert seven_fields("a;b") is None


def test_a_class_that_is_only_a_word_means_what_the_label_set_says():
    assert meaning("Red_Fox", None, WORDS)[1][0] == ("species", "Vulpes vulpes")
    assert meaning("empty", None, WORDS) == ("blank", (), "empty")
    assert meaning("gibnut", None, WORDS) == ("animal", (), "gibnut")


def test_guesses_of_relatives_add_up_to_the_rank_that_is_sure():
    taxa = {name: seven_fields(label)[1] for name, label in (("d", DEER), ("b", BOAR))}
    guesses = [("d", 0.4), ("b", 0.3)]
    assert rolled_up(guesses, taxa, Bars(0.5, 0.5)) == ("Artiodactyla", "order", 0.7)
    assert rolled_up(guesses, taxa, Bars(0.5, 0.8)) is None
    assert rolled_up(guesses, taxa, Bars()) == ("Cervus elaphus", "species", 0.4)


def test_a_visit_has_the_narrowest_name_that_most_of_its_scores_agree_on():
    deer, boar, mammal = (seven_fields(label)[1] for label in (DEER, BOAR, MAMMAL))
    assert together([(deer, 0.8), (mammal, 0.9)]) == ("Cervus elaphus", "species", 0.8)
    assert together([(deer, 0.5), (boar, 0.5)]) == ("Artiodactyla", "order", 0.5)
    assert together([(deer, 0.9), (deer, 0.7), (boar, 0.4)])[0] == "Cervus elaphus"
    assert together([((), 0.6)]) == ("Animalia", "kingdom", 0.6)


def predictions(tmp_path: Path, *entries) -> Path:
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps({"predictions": list(entries)}))
    return path


def entry(file: str, label: str | None, score: float = 0.9, **more) -> dict:
    said = {"prediction": label, "prediction_score": score} if label else {}
    return {"filepath": file, "detections": [BOX], "model_version": "4.0.1a", **said, **more}


def test_speciesnet_s_own_decision_is_the_answer_whatever_its_score(tmp_path):
    path = predictions(
        tmp_path,
        entry("a.jpg", DEER, 0.31),
        entry("b.jpg", NOTHING, 0.2),
        entry("c.jpg", None, failures=["CLASSIFIER"]),
        entry("d.jpg", None),
        entry("a.jpg", BOAR, 0.8),
    )
    answers = read_answers(path, {})
    assert (answers.program, answers.source) == ("speciesnet", "SpeciesNet 4.0.1a")
    assert answers.by_file["a.jpg"].guesses == (("Sus scrofa", 0.8),)
    assert answers.by_file["b.jpg"].observation_type == "unknown"
    assert (answers.failed, answers.nameless, answers.twice) == (("c.jpg",), 1, 1)


def classified(tmp_path: Path, *images, **more) -> Path:
    path = tmp_path / "classified.json"
    content = {
        "info": {
            "classifier": "idfg4",
            "classifier_metadata": {"typical_classification_threshold": 0.75},
        },
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "classification_categories": {"0": "red fox", "1": "gibnut", "2": "deer"},
        "classification_category_descriptions": {"2": DEER},
        "images": list(images),
    } | more
    path.write_text(json.dumps(content))
    return path


def test_the_classifications_of_the_surest_box_name_the_picture(tmp_path):
    fox = {**BOX, "classifications": [["0", 0.8], ["2", 0.1]]}
    unsure = {**BOX, "conf": 0.3, "classifications": [["2", 0.99]]}
    path = classified(
        tmp_path,
        {"file": r"A\1.jpg", "detections": [unsure, fox]},
        {"file": "2.jpg", "detections": [{**BOX, "classifications": [["1", 0.9]]}]},
        {"file": "3.jpg", "detections": []},
        {"file": "4.jpg", "detections": [{**BOX, "category": "2", "conf": 0.7}]},
        {"file": "5.jpg", "failure": "image access", "detections": None},
        {"file": "6.jpg", "detections": [{**BOX, "conf": 0.05}]},
    )
    answers = read_answers(path, WORDS)
    assert (answers.program, answers.source) == ("megadetector", "idfg4")
    assert answers.bars == Bars(0.75, 0.75)
    assert answers.by_file["A/1.jpg"].guesses == (("Vulpes vulpes", 0.8), ("Cervus elaphus", 0.1))
    assert answers.unnamed == {"gibnut": 1}
    kinds = {file: answer.observation_type for file, answer in answers.by_file.items()}
    assert (kinds["3.jpg"], kinds["4.jpg"], kinds["6.jpg"]) == ("blank", "human", "blank")
    assert answers.failed == ("5.jpg",)


@pytest.mark.parametrize(
    "content, words",
    [
        ("nonsense", "not JSON"),
        ("{}", 'neither "predictions"'),
        ('{"predictions": [{}]}', 'no "filepath"'),
        ('{"predictions": [{"filepath": "a", "prediction": "deer"}]}', "seven fields"),
        ('{"predictions": [{"filepath": "a"}]}', "only boxes"),
        (f'{{"predictions": [{{"filepath": "a", "prediction": "{DEER}"}}]}}', "a score of a"),
        ('{"images": [{"file": "a", "detections": []}]}', "only boxes"),
    ],
)
def test_a_file_that_has_no_answers_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(SettingsError) as refused:
        read_answers(path, {})
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_older_descriptions_join_genus_and_species(camera_trap):
    """A real file; the species where it is known, else the family."""
    path = camera_trap / "detector_results" / "us_ena24_megadetector.json"
    answers = read_answers(path, WORDS)
    names = {answer.word: answer.guesses[0][0] for answer in answers.by_file.values()}
    assert names["american_black_bear"] == "Ursus americanus"
    assert names["virginia_opossum"] in ("Didelphis virginiana", "Didelphidae")
    assert (len(answers.by_file), answers.unnamed, answers.bars) == (21, {}, Bars(0.75, 0.75))


def test_deepfaune_s_table_is_read_with_its_own_words(tmp_path):
    path = tmp_path / "deepfaune.csv"
    path.write_text(
        "filename,date,seqnum,predictionbase,scorebase,prediction,score,count\n"
        "C:\\card\\A\\1.jpg,2026:05:01 06:00:00,1,fox,0.7,roe deer,0.93,2\n"
        "/card/A/2.jpg,,1,,,empty,1.0,\n"
        "/card/A/3.jpg,,2,,,undefined,0.4,\n"
        "/card/A/4.jpg,,2,,,sanglier,0.8,\n"
        "/card/A/5.jpg,,2,,,human,0.8,\n"
    )
    answers = read_answers(path, WORDS)
    assert answers.program == "deepfaune"
    assert answers.by_file["C:/card/A/1.jpg"].guesses == (("Capreolus capreolus", 0.93),)
    assert answers.by_file["/card/A/4.jpg"].guesses == (("Sus scrofa", 0.8),)
    kinds = [answer.observation_type for answer in answers.by_file.values()]
    assert kinds == ["animal", "blank", "unknown", "animal", "human"]


def test_addaxai_s_detections_name_a_picture_by_the_surest_box(tmp_path):
    path = tmp_path / "results_detections.csv"
    path.write_text(
        "absolute_path,relative_path,data_type,label,confidence,bbox_left\n"
        "/card,A/1.jpg,img,red fox,0.6,1\n/card,A/1.jpg,img,red deer,0.9,1\n"
        "/card,A/2.jpg,img,person,0.9,1\n/card,A/3.jpg,img,gibnut,0.9,1\n"
    )
    answers = read_answers(path, WORDS)
    assert (answers.program, answers.unnamed, answers.twice) == ("addaxai", {"gibnut": 1}, 0)
    assert answers.by_file["A/1.jpg"].word == "red deer"
    assert answers.by_file["A/2.jpg"].observation_type == "human"
    json_of_it = classified(
        tmp_path,
        {"file": "1.jpg", "detections": [{**BOX, "category": "4"}]},
        detection_categories={"1": "animal", "2": "person", "3": "vehicle", "4": "red fox"},
        classification_categories={},
    )
    assert read_answers(json_of_it, WORDS).by_file["1.jpg"].guesses == (("Vulpes vulpes", 0.9),)


def test_a_table_of_answers_names_its_faults(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("filename,prediction,score\na.jpg,fox,2\n")
    with pytest.raises(SettingsError, match="line 2"):
        read_answers(path, {})
    path.write_text("name,species\na.jpg,fox\n")
    with pytest.raises(SettingsError, match="no column for file, prediction, score"):
        read_answers(path, {})


# --- a whole card


@pytest.fixture(scope="module")
def whole(tmp_path_factory, url_of_module) -> tuple[str, Path, Path, tuple[str, ...]]:
    """A card whose names and boxes are SpeciesNet's: database, card, predictions, warnings."""
    folder = tmp_path_factory.mktemp("whole")
    card = cards.card(folder / "card", pictures=6, broken=False)
    names = [path.relative_to(card).as_posix() for path in sorted(card.rglob("*.JPG"))]
    said = [entry(name, DEER, 0.8) for name in names[:4]]
    said += [entry(names[4], MAMMAL, 0.7), entry("other/x.JPG", DEER)]
    path = predictions(folder, *said)
    options = RunOptions(
        card=str(card), name="k", database=url_of_module, threads=2,
        boxes=str(path), answers=str(path),
    )  # fmt: skip
    summary = chain.run_card(options, Directly(2))
    return url_of_module, card, path, summary.warnings


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.exec_driver_sql(query)]
    engine.dispose()
    return found


LABELS = "SELECT source, scientific_name, count(*) FROM labels GROUP BY 1, 2 ORDER BY 1, 2"
WHO = "SELECT DISTINCT classified_by FROM observations WHERE observation_type = 'animal'"


def test_what_does_not_match_is_counted_and_told(whole):
    line = whole[3][-1]
    assert "1 entries match no picture, 1 pictures are not in it" in line


def test_names_stand_in_every_view_with_whose_they_are(whole):
    url = whole[0]
    found = rows(url, LABELS)
    assert {(name, n) for _, name, n in found if name} == {("Cervus elaphus", 4), ("Mammalia", 1)}
    assert {source for source, *_ in found} == {"SpeciesNet 4.0.1a"}
    assert rows(url, WHO) == [("SpeciesNet 4.0.1a",)]
    kinds = rows(url, "SELECT scientific_name FROM events WHERE observation_type = 'animal'")
    assert ("Cervus elaphus",) in kinds


def test_ours_come_back_and_theirs_are_chosen_by_the_program_s_name(whole):
    url = whole[0]
    theirs = rows(url, LABELS)
    visits = "SELECT started_at, observation_type, scientific_name FROM events ORDER BY 1, 2, 3"
    of_theirs = rows(url, visits)
    relabel(NamingOptions(database=url))
    assert {source for source, *_ in rows(url, LABELS)} == {"camtriage"}
    assert ("SpeciesNet 4.0.1a",) not in rows(url, WHO)
    relabel(NamingOptions(database=url, answers="SpeciesNet"))
    assert rows(url, LABELS) == theirs
    assert rows(url, visits) == of_theirs


def test_answers_that_cannot_be_taken_are_refused_and_nothing_changes(whole, tmp_path):
    url = whole[0]
    before = rows(url, LABELS)
    strange = predictions(tmp_path, entry("other/y.JPG", DEER))
    sites = tmp_path / "sites.txt"
    sites.write_text("Sus scrofa\n")
    for options, words in (
        ({"answers": "deepfaune"}, "here: speciesnet"),
        ({"answers": str(tmp_path / "no.json")}, "No such file"),
        ({"answers": str(strange)}, "none of its 1 entries"),
        ({"answers": str(whole[2]), "sites": str(sites)}, "leave --sites out"),
    ):
        with pytest.raises(SettingsError, match=words):
            relabel(NamingOptions(database=url, **options))
    assert rows(url, LABELS) == before


def test_answers_on_one_card_never_name_pictures_of_another_card_at_the_same_camera(
    database, database_url, tmp_path
):
    """Two cards of one camera have the same paths again and again."""
    with writing(database) as conn:
        fill(conn, 60, cameras=2, cards=2)
        conn.exec_driver_sql("UPDATE media SET deployment_id = (SELECT min(id) FROM deployment)")
        first = batch_by_name(conn, "card-0")
        look = batch_row(conn, first)["look_recipe_id"]
        paths = conn.exec_driver_sql(
            "SELECT path FROM media JOIN batch b ON b.id = batch_id WHERE b.name = 'card-0'"
        )
        path = predictions(tmp_path, *(entry(name, DEER) for name in paths.scalars()))
        options = NamingOptions(database=database_url, answers=str(path))
        described = naming_recipe(conn, first, read_recipe(conn, look), options, Settings())
        recipe = save_recipe(conn, "label", described, "SpeciesNet 4.0.1a")
    assert described["answers"]["name"] == "SpeciesNet 4.0.1a", "pages of evaluations show it"
    run = StartedRun(first, "card-0", None, look, recipe, 0, seed="")
    label_by_answers(options, run, described["answers"])
    query = "SELECT b.name, t.name, count(*) FROM label t JOIN media m ON m.id = t.media_id"
    where = f"JOIN batch b ON b.id = m.batch_id WHERE t.recipe_id = {recipe} GROUP BY 1, 2"
    [(card, name, count)] = rows(database_url, f"{query} {where}")
    assert (card, name) == ("card-0", "Cervus elaphus") and count > 0
    blank = "SELECT count(*) FROM media_status WHERE batch = 'card-0' AND state = 'blank'"
    [line] = answers_warnings(options, run)
    assert f"{rows(database_url, blank)[0][0]} pictures with a name there are blank here" in line
