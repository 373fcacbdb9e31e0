"""MegaDetector's results file: read from others, written for others."""

import json
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, SettingsError
from pipeline.exchange.matching import match
from pipeline.exchange.megadetector import export_results, read_results
from pipeline.exchange.package import Observation, Package, Picture
from pipeline.records import Detection

BOX = (0.1, 0.2, 0.3, 0.4)
ANIMAL = Detection("animal", 0.9, BOX, by="md_v5")


def results(tmp_path, *images, **changes) -> Path:
    """A results file with these pictures; a change of None takes a part out."""
    content = {
        "info": {"format_version": "1.6", "detector": "md_v5"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": list(images),
    } | changes
    path = tmp_path / "results.json"
    path.write_text(json.dumps({key: part for key, part in content.items() if part is not None}))
    return path


def image(file="a.jpg", *detections, **kw) -> dict:
    return {"file": file, "detections": list(detections), **kw}


def box(category="1", conf=0.9, bbox=BOX) -> dict:
    return {"category": category, "conf": conf, "bbox": list(bbox)}


def picture(path, **kw) -> Picture:
    rest = {"p_animal": 0.7, "p_human": 0.2, "p_vehicle": 0.001, "crop": BOX} | kw
    return Picture(path, "gate", path, datetime(2026, 5, 1), Observation("animal"), **rest)


# --- reading


def test_real_results_of_another_program_are_read_and_fit_their_card(camera_trap):
    boxes, info = read_results(camera_trap / "detector_results" / "us_ena24_megadetector.json")
    card = camera_trap / "cards" / "us_ena24"
    pictures = [p.relative_to(card).as_posix() for p in card.rglob("*.jpg")]
    fit = match(boxes, pictures)
    assert (len(fit.found), fit.unknown, fit.missing) == (21, (), ())
    assert info.detector == "md_v5.0.0"
    assert (info.failed, info.ignored) == ((), {})
    sure = [max((d.confidence for d in found), default=0) for found in fit.found.values()]
    assert sum(one > 0.2 for one in sure) >= 19  # every one of them shows an animal


def test_a_person_is_a_human_here_and_the_surest_box_comes_first(tmp_path):
    path = results(tmp_path, image("a.jpg", box("2", 0.3), box("3", 0.8), box("1", 1)))
    boxes, _ = read_results(path)
    assert [one.category for one in boxes["a.jpg"]] == ["animal", "vehicle", "human"]


def test_nothing_found_and_not_looked_at_are_two_things(tmp_path):
    path = results(
        tmp_path,
        image("seen.jpg"),
        {"file": "null.jpg", "detections": None},
        {"file": "absent.jpg"},
        image("said.jpg", failure="Failure image access"),
    )
    boxes, info = read_results(path)
    assert boxes == {"seen.jpg": []}
    assert info.failed == ("null.jpg", "absent.jpg", "said.jpg")
    assert info.pictures == 4


def test_paths_of_windows_and_of_this_folder_are_plain_paths(tmp_path):
    path = results(tmp_path, image(r"CamA\DCIM\a.jpg"), image("./CamB/b.jpg"))
    assert list(read_results(path)[0]) == ["CamA/DCIM/a.jpg", "CamB/b.jpg"]


def test_categories_of_another_detector_and_empty_boxes_are_counted(tmp_path):
    path = results(
        tmp_path,
        image("a.jpg", box("4"), box("1", 0.9, (0.5, 0.5, 0, 0.2)), box("1")),
        detection_categories={"1": "animal", "4": "ball"},
    )
    boxes, info = read_results(path)
    assert boxes["a.jpg"] == [ANIMAL]
    assert info.ignored == {"category '4' (ball)": 1, "box without area": 1}


def test_a_box_a_little_over_the_edge_is_cut_there(tmp_path):
    [cut] = read_results(results(tmp_path, image("a.jpg", box("1", 0.9, (-0.01, 0.5, 0.2, 0.51)))))[
        0
    ]["a.jpg"]
    assert cut.box == pytest.approx((0, 0.5, 0.19, 0.5))


def test_a_picture_that_stands_in_it_twice_is_taken_once(tmp_path):
    """Old results merged with new: done wins over failed, of two done ones the later counts."""
    late = box("2", 0.5)
    path = results(
        tmp_path,
        image("same.jpg", box()),
        image("failed_first.jpg", failure="image access"),
        image("done_first.jpg", box()),
        image("changed.jpg", box()),
        image("same.jpg", box()),
        image("failed_first.jpg", box()),
        image("done_first.jpg", failure="image access"),
        image(r".\changed.jpg", late),
        image("never.jpg", failure="image access"),
        image("never.jpg", failure="image access"),
    )
    boxes, info = read_results(path)
    assert {name: found.category for name, [found] in boxes.items()} == {
        **dict.fromkeys(("same.jpg", "failed_first.jpg", "done_first.jpg"), "animal"),
        "changed.jpg": "human",
    }
    assert (info.failed, info.twice, info.pictures) == (("never.jpg",), 5, 10)


@pytest.mark.parametrize("conf", [1.0000001, 1.00001, -1e-9, 1])
def test_a_confidence_a_hair_over_the_edge_is_the_edge(tmp_path, conf):
    [found] = read_results(results(tmp_path, image("a.jpg", box(conf=conf))))[0]["a.jpg"]
    assert found.confidence == round(conf)


def speciesnet(name="S1/a.jpg", **changes) -> dict:
    said = "1f689929;mammalia;cetartiodactyla;cervidae;odocoileus;;deer"
    return {
        "filepath": name,
        "classifications": {"classes": [said], "scores": [0.9]},
        "detections": [{"category": "2", "label": "human", "conf": 0.8, "bbox": list(BOX)}],
        "prediction": said,
        "prediction_score": 0.9,
    } | changes


def test_the_boxes_of_speciesnet_are_taken_and_its_names_counted(tmp_path):
    path = tmp_path / "predictions.json"
    failed = speciesnet("failed.jpg", failures=["DETECTOR"], detections=[])
    without = speciesnet("none.jpg")
    del without["detections"]
    given = [speciesnet(), speciesnet("blank.jpg", detections=[]), failed, without]
    path.write_text(json.dumps({"predictions": given, "model_version": "4.0.1a"}))
    boxes, info = read_results(path)
    assert boxes == {
        "S1/a.jpg": [Detection("human", 0.8, BOX, by="SpeciesNet 4.0.1a")],
        "blank.jpg": [],
    }
    assert (info.failed, info.names) == (("failed.jpg", "none.jpg"), 4)
    assert info.detector == "SpeciesNet 4.0.1a"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("S1/a.jpg", 'picture 0 has no "file"'),
        (speciesnet(None), 'picture 0 has no "file"'),
        (speciesnet(detections={}), '"detections" of S1/a.jpg is no list'),
    ],
)
def test_a_damaged_file_of_speciesnet_is_refused_in_one_line(tmp_path, entry, words):
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps({"predictions": [entry]}))
    with pytest.raises(SettingsError) as refused:
        read_results(path)
    assert words in str(refused.value)


def test_the_other_file_of_that_name_is_told_apart(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('[{"file": "a.jpg", "category": "animal", "bbox": [10, 20, 300, 400]}]')
    with pytest.raises(SettingsError, match="bare list is the other format") as refused:
        read_results(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": None}, 'no list "images"'),
        ({"detection_categories": None}, "detection_categories"),
        ({"images": [{"detections": []}]}, 'picture 0 has no "file"'),
        ({"images": [image("a.jpg", box(conf="high"))]}, '"conf" of a.jpg is no number'),
        ({"images": [image("a.jpg", box(conf=float("nan")))]}, '"conf" of a.jpg is no number'),
        ({"images": [image("a.jpg", box(conf=10**400))]}, '"conf" of a.jpg is no number'),
        ({"images": [image("a.jpg", box(conf=90))]}, "not 0 to 1"),
        ({"images": [image("a.jpg", box(bbox=(10, 20, 30, 40)))]}, "are these pixels?"),
        ({"images": [image("a.jpg", box(bbox=(0.1, 0.2, 0.3)))]}, "must be [x, y, width, height]"),
        ({"images": [image("a.jpg", "box")]}, "a detection of a.jpg is no table"),
        ({"images": [image("a.jpg") | {"detections": 3}]}, '"detections" of a.jpg is no list'),
    ],
)
def test_what_is_no_results_file_is_refused_in_one_line(tmp_path, changes, words):
    with pytest.raises(SettingsError) as refused:
        read_results(results(tmp_path, **changes))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "3", "null", '"images"', "\xff", "[" * 100_000])
def test_what_is_no_json_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as refused:
        read_results(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_results(tmp_path / "nowhere.json")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["1", "a.jpg", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["file", "detections", "category", "conf", "bbox", "failure", "1"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(images=anything, categories=anything)
def test_whatever_the_file_holds_it_is_read_or_refused_in_one_line(
    images, categories, tmp_path_factory
):
    path = tmp_path_factory.mktemp("any") / "results.json"
    path.write_text(json.dumps({"images": images, "detection_categories": categories}))
    try:
        boxes, _ = read_results(path)
    except SettingsError as why:
        assert "\n" not in str(why)
    else:
        assert all(isinstance(one, Detection) for found in boxes.values() for one in found)


# --- which file is which picture


def named(*names):
    return {name: [ANIMAL] for name in names}


def test_files_that_fit_no_picture_and_pictures_without_results_are_counted():
    fit = match(named("a.jpg", "stranger.jpg"), ["a.jpg", "b.jpg"])
    assert list(fit.found) == ["a.jpg"]
    assert (fit.unknown, fit.missing) == (("stranger.jpg",), ("b.jpg",))


@pytest.mark.parametrize("before", ["C:/cards/mara/", "/data/2026/mara/", "mara/"])
def test_results_made_from_a_folder_above_fit(before):
    ours = ["CamA/IMG_1.JPG", "CamB/IMG_1.JPG"]
    fit = match(named(*(before + one for one in ours)), ours)
    assert (list(fit.found), fit.unknown) == (ours, ())


def test_results_made_inside_the_card_fit_that_folder_and_no_other():
    fit = match(named("IMG_1.JPG", "IMG_2.JPG"), ["CamA/IMG_1.JPG", "CamA/IMG_2.JPG", "CamB/x.JPG"])
    assert list(fit.found) == ["CamA/IMG_1.JPG", "CamA/IMG_2.JPG"]
    assert fit.missing == ("CamB/x.JPG",)


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.replace(".JPG", ".jpg"),
        str.lower,
        lambda name: "d:/SEASON 2026/" + name.upper(),
        lambda name: name.removeprefix("Forêt/").lower(),
        lambda name: unicodedata.normalize("NFD", name),
    ],
)
def test_capitals_and_the_letters_of_a_mac_part_no_picture_from_its_boxes(change):
    ours = ["Forêt/IMG_1.JPG", "Forêt/IMG_2.JPG"]
    fit = match(named(*map(change, ours)), ours)
    assert (list(fit.found), fit.unknown, fit.missing) == (ours, (), ())


def test_pictures_that_differ_by_capitals_alone_keep_their_own_boxes():
    fit = match(named("A/img.jpg", "A/IMG.JPG", "A/Img.jpg"), ["A/IMG.JPG", "A/img.jpg"])
    assert (list(fit.found), fit.unknown) == (["A/IMG.JPG", "A/img.jpg"], ("A/Img.jpg",))


def test_a_name_written_as_the_card_has_it_comes_before_one_in_other_capitals():
    boxes = {"a/img.jpg": [ANIMAL], "A/IMG.JPG": []}
    assert match(boxes, ["A/IMG.JPG"]).found == {"A/IMG.JPG": []}


def test_the_same_name_in_another_folder_is_another_picture():
    fit = match(named("CamA/IMG_1.JPG", "CamC/IMG_1.JPG"), ["CamA/IMG_1.JPG", "CamB/IMG_1.JPG"])
    assert list(fit.found) == ["CamA/IMG_1.JPG"]
    assert fit.unknown == ("CamC/IMG_1.JPG",)


def test_a_backslash_in_a_name_of_the_card_is_found():
    assert list(match(named("a/b.jpg"), [r"a\x5cb.jpg"]).found) == [r"a\x5cb.jpg"]


# --- writing


def written(tmp_path, *pictures, **kw):
    path = tmp_path / "out.json"
    counts = export_results(Package((), pictures, **kw), path)
    return counts, json.loads(path.read_text())


def test_scores_become_boxes_with_floats_in_falling_order(tmp_path):
    counts, out = written(tmp_path, picture("a.jpg", p_animal=1))
    [entry] = out["images"]
    assert [(d["category"], d["conf"]) for d in entry["detections"]] == [("1", 1.0), ("2", 0.2)]
    assert all(isinstance(d["conf"], float) for d in entry["detections"])
    assert entry["detections"][0]["bbox"] == list(BOX)
    assert counts == {"pictures": 1, "failed": 0, "boxes": 2}
    assert out["info"]["format_version"] == "1.6"
    assert out["detection_categories"] == {"1": "animal", "2": "person", "3": "vehicle"}


def test_sure_boxes_are_written_as_they_are_and_an_unsure_one_only_says_where(tmp_path):
    herd = [Detection("animal", conf, (x, 0.5, 0.1, 0.2)) for conf, x in ((0.8, 0.1), (0.5, 0.4))]
    doubt = Detection("animal", 0.2, (0.8, 0.5, 0.1, 0.2), sure=False)
    walker = Detection("human", 0.3, (0.7, 0.1, 0.1, 0.5), sure=False)
    _, out = written(tmp_path, picture("a.jpg", p_animal=0.9, boxes=(*herd, walker, doubt)))
    found = [(d["category"], d["conf"], d["bbox"]) for d in out["images"][0]["detections"]]
    assert found == [
        ("1", 0.9, [0.1, 0.5, 0.1, 0.2]),  # the picture's score, at its surest box
        ("1", 0.5, [0.4, 0.5, 0.1, 0.2]),
        ("2", 0.2, [0.7, 0.1, 0.1, 0.5]),
    ]


def test_a_blank_picture_keeps_its_low_scores_and_an_empty_one_an_empty_list(tmp_path):
    low = {"state": "blank", "p_human": 0.0, "crop": None}
    _, out = written(
        tmp_path, picture("a.jpg", p_animal=0.02, **low), picture("b.jpg", p_animal=0.001, **low)
    )
    assert out["images"][0]["detections"][0]["bbox"] == [0.0, 0.0, 1.0, 1.0]
    assert out["images"][1]["detections"] == []


def test_what_could_not_be_looked_at_is_a_failure_never_an_empty_list(tmp_path):
    counts, out = written(
        tmp_path,
        picture("a.jpg", state="failed", p_animal=None, failure="unreadable: broken"),
        picture("b.jpg", state="unprocessed", p_animal=None),
        unreadable=(("c.jpg", "empty"),),
    )
    assert [(one["failure"], one["detections"]) for one in out["images"]] == [
        ("unreadable: broken", None),
        ("not scored yet", None),
        ("empty", None),
    ]
    assert counts["failed"] == 3


def test_taxa_are_classifications_of_the_animal(tmp_path):
    top = (("Vulpes vulpes", 0.2), ("Canis latrans", 0.7))
    _, out = written(tmp_path, picture("a.jpg", top=top), labeller="labeller 12ab")
    assert out["classification_categories"] == {
        "0": "Canis latrans (raw guess)",
        "1": "Vulpes vulpes (raw guess)",
    }
    assert out["images"][0]["detections"][0]["classifications"] == [["0", 0.7], ["1", 0.2]]
    assert out["info"]["classifier"] == "labeller 12ab"


def test_the_stated_name_comes_first_with_its_rank_and_raw_guesses_are_marked(tmp_path):
    top = (("Vulpes vulpes", 0.4), ("Canis latrans", 0.3))
    up = picture("a.jpg", stated=("Mammalia", "class", 0.93), top=top)
    species = picture("b.jpg", stated=("Vulpes vulpes", "species", 0.4), top=top)
    _, out = written(tmp_path, up, species, labeller="labeller 12ab")
    names = out["classification_categories"]
    said = [
        [(names[key], p) for key, p in entry["detections"][0]["classifications"]]
        for entry in out["images"]
    ]
    guess = ("Canis latrans (raw guess)", 0.3)
    assert said == [
        [("Mammalia", 0.93), ("Vulpes vulpes (raw guess)", 0.4), guess],
        [("Vulpes vulpes", 0.4), guess],
    ]
    described = out["classification_category_descriptions"]
    assert {names[key]: text for key, text in described.items()} == {
        "Mammalia": "stated, class",
        "Vulpes vulpes": "stated, species",
        "Canis latrans (raw guess)": "a raw guess of the labeller, not stated",
        "Vulpes vulpes (raw guess)": "a raw guess of the labeller, not stated",
    }


def test_every_place_of_the_same_bytes_has_its_entry(tmp_path):
    _, out = written(tmp_path, picture("b.jpg", copies=("a.jpg",)))
    assert [one["file"] for one in out["images"]] == ["a.jpg", "b.jpg"]


def test_at_the_typical_threshold_nearly_all_that_was_kept_is_shown(tmp_path):
    many = [picture(f"{i:03}.jpg", p_animal=i / 200, p_human=0.0) for i in range(1, 201)]
    _, out = written(tmp_path, *many)
    typical = out["info"]["detector_metadata"]["typical_detection_threshold"]
    shown = [one for one in out["images"] if one["detections"][0]["conf"] >= typical]
    assert len(shown) >= 190


def test_a_file_that_is_there_stays_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        export_results(Package((), ()), path)
    assert path.read_text() == "mine"
    with pytest.raises(InputError, match="cannot be written"):
        export_results(Package((), ()), tmp_path / "nowhere" / "out.json")
    assert list(tmp_path.iterdir()) == [path]


share = st.floats(0, 1)
crops = st.tuples(share, share, share, share).map(
    lambda s: (s[0] * 0.5, s[1] * 0.5, 0.01 + s[2] * 0.49, 0.01 + s[3] * 0.49)
)
pictures = st.lists(
    st.builds(
        picture,
        st.text("ab/ü .", min_size=1).filter(lambda t: not t.startswith("./")),
        p_animal=share,
        p_human=share,
        p_vehicle=share,
        crop=st.none() | crops,
        state=st.sampled_from(["kept", "blank", "unprocessed"]),
    ),
    unique_by=lambda one: one.path,
)


@given(pictures=pictures)
def test_what_is_written_is_read_back(pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("round") / "out.json"
    counts = export_results(Package((), tuple(pictures)), path)
    boxes, info = read_results(path)
    assert len(boxes) + len(info.failed) == info.pictures == counts["pictures"] == len(pictures)
    fit = match(boxes, [one.path for one in pictures])
    assert fit.unknown == ()
    for one in pictures:
        if one.state == "unprocessed":
            assert one.path in info.failed
            continue
        scores = {"animal": one.p_animal, "human": one.p_human, "vehicle": one.p_vehicle}
        back = {found.category: found for found in fit.found[one.path]}
        assert set(back) == {kind for kind, p in scores.items() if p >= 0.005}
        for kind, found in back.items():
            assert found.confidence == pytest.approx(scores[kind], abs=1e-4)
            assert found.box == pytest.approx(one.crop or (0, 0, 1, 1), abs=2e-4)
