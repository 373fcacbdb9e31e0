"""A window of real files goes through decoding, scores, crops and vectors; nothing gets lost."""

import io
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UnreadablePicture
from pipeline.frames import child, score
from pipeline.frames.boxes import Seen
from pipeline.frames.classifier import load_frame_model, squeeze
from pipeline.frames.decode import decode
from pipeline.frames.detector import load_detector
from pipeline.frames.evidence import Evidence, Levels
from pipeline.records import Detection, Media
from pipeline.settings import Blank, Settings
from tests.detectors import EVIDENCE, make_detector
from tests.frame_models import make_frame_model

NEVER_BLANK = Settings(blank=Blank(threshold=1.1))
ALWAYS_BLANK = Settings(blank=Blank(threshold=0.0))


class Mean:
    """An encoder that knows colours: unit vectors of mean red, green, blue and one."""

    def images(self, pictures, each=map):
        vectors = np.array([[*one.mean(axis=(0, 1)) / 255, 1.0] for one in pictures])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


COLOURS = Mean()


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frame_model")
    make_frame_model(folder)
    return load_frame_model(str(folder))


def meadow(seed: int, animal: bool = False) -> Image.Image:
    """The same hill under changing light; an animal is a dark block that moves about."""
    rng = random.Random(seed)
    rows = np.linspace(90, 160, 240)[:, None, None] + rng.uniform(-8, 8)
    picture = np.tile(rows * np.array([0.9, 1.1, 0.6]), (1, 320, 1))
    picture[100:, 200:230] = (120, 100, 90)
    if animal:
        left, top = rng.randrange(20, 150), rng.randrange(60, 180)
        picture[top : top + 40, left : left + 60] = (60, 40, 30)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture
def card(tmp_path):
    """Sixteen pictures of one camera in bursts of four, the last four with an animal."""
    media = []
    for i in range(16):
        data = jpeg(meadow(i, animal=i >= 12))
        (tmp_path / f"IMG_{i:04}.JPG").write_bytes(data)
        media.append(Media(sha256=f"{i:064x}", path=f"IMG_{i:04}.JPG", size=len(data)))
    return tmp_path, media, [i // 4 for i in range(16)]


def reader(root):
    return lambda one: (root / one.path).read_bytes()


def seen(
    card,
    frame,
    settings=NEVER_BLANK,
    boxes=None,
    at=score.score_window,
    encoder=COLOURS,
    detector=None,
):
    root, media, bursts = card
    return at(media, bursts, reader(root), frame, encoder, settings, boxes, detector=detector)


def test_every_picture_gets_a_look_in_order(card, frame):
    found = seen(card, frame)
    assert [one.sha256 for one in found.scores] == [one.sha256 for one in card[1]]
    assert not found.problems and not found.failed
    for one in found.scores:
        assert 0 <= one.p_blank <= 1 and len(one.logits) == 4 and one.decided_by
        assert one.light == "colour" and 0.2 < one.luma < 0.7 and one.crop_source == "evidence"


def test_kept_pictures_have_two_vectors_and_blank_ones_none(card, frame):
    kept, blank = seen(card, frame), seen(card, frame, ALWAYS_BLANK)
    assert {one.state for one in kept.scores} == {"kept"}
    assert {one.state for one in blank.scores} == {"blank"} and blank.embeddings == ()
    assert len(kept.embeddings) == 32
    views = [one.view for one in kept.embeddings]
    assert views.count("crop") == views.count("frame") == 16
    vector = np.frombuffer(kept.embeddings[0].vector, np.float16)
    assert vector.shape == (4,) and np.linalg.norm(vector.astype(float)) == pytest.approx(
        1, abs=0.01
    )


def test_without_an_encoder_there_are_no_vectors(card, frame):
    assert seen(card, frame, encoder=None).embeddings == ()


def test_the_models_own_threshold_decides_where_the_study_gives_none(card, frame):
    looks = seen(card, frame, Settings()).scores
    for one in looks:
        assert (one.state == "blank") == (one.p_blank >= frame.fusion.threshold)


def test_a_picture_at_the_study_s_own_threshold_is_blank(card, frame):
    highest = max(found.p_blank for found in seen(card, frame, NEVER_BLANK).scores)
    for threshold, state in ((highest, "blank"), (np.nextafter(highest, 1), "kept")):
        looks = seen(card, frame, Settings(blank=Blank(threshold=float(threshold)))).scores
        assert {look.state for look in looks if look.p_blank == highest} == {state}


def test_threads_and_repeats_see_the_same(card, frame):
    once = seen(card, frame)
    with ThreadPoolExecutor(4) as pool:
        assert all(one == once for one in pool.map(lambda _: seen(card, frame), range(6)))


def test_what_cannot_be_opened_is_a_trouble_and_failed_and_spares_the_rest(card, frame):
    root, media, _ = card
    (root / media[3].path).write_bytes(b"\xff\xd8 no more")
    (root / media[5].path).write_bytes(b"")
    (root / media[7].path).unlink()
    (root / media[9].path).unlink()
    (root / media[9].path).mkdir()
    found = seen(card, frame)
    reasons = {one.path: one.reason for one in found.problems}
    assert reasons[media[5].path] == "empty" and reasons[media[7].path] == "vanished"
    assert reasons[media[9].path] == "unreadable" and media[3].path in reasons
    assert set(found.failed) == {media[i].sha256 for i in (3, 5, 7, 9)}
    assert len(found.scores) == 12


def test_a_window_of_nothing_readable_is_all_failed(card, frame):
    root, media, _ = card
    for one in media:
        (root / one.path).write_bytes(b"")
    found = seen(card, frame)
    assert found.scores == () and len(found.failed) == len(found.problems) == 16


def test_a_truncated_picture_is_scored_reported_and_never_blank(card, frame):
    root, media, _ = card
    whole = (root / media[2].path).read_bytes()
    (root / media[2].path).write_bytes(whole[: len(whole) * 2 // 3])
    found = seen(card, frame, ALWAYS_BLANK)
    assert [(one.path, one.reason) for one in found.problems] == [(media[2].path, "truncated")]
    states = [one.state for one in found.scores]
    assert states[2] == "kept" and states.count("blank") == 15 and not found.failed
    assert found.scores[2].decided_by == "truncated"


def test_a_sure_box_keeps_places_counts_and_only_raises(card, frame):
    media = card[1]
    deer = Detection("animal", 0.93, (0.5, 0.5, 0.2, 0.2))
    fawn = Detection("animal", 0.4, (0.1, 0.6, 0.1, 0.1))
    walker = Detection("human", 0.7, (0.8, 0.1, 0.1, 0.5))
    doubtful = Detection("vehicle", 0.1, (0, 0, 1, 1))
    boxes = {media[0].path: [fawn, deer, walker], media[1].path: [doubtful]}
    plain, boxed = seen(card, frame, ALWAYS_BLANK), seen(card, frame, ALWAYS_BLANK, boxes)
    before, after = plain.scores[0], boxed.scores[0]
    assert (after.state, after.decided_by, after.crop_source) == ("kept", "boxes", "boxes")
    assert after.count == 2 and after.p_animal >= 0.93 and after.p_human >= 0.7
    assert after.p_blank <= 0.07 + 1e-9 and after.p_vehicle == before.p_vehicle
    assert after.crop[0] < 0.6 < after.crop[0] + after.crop[2]
    assert boxed.scores[1:] == plain.scores[1:]


def test_a_box_at_the_bar_keeps_its_picture_and_one_below_does_not(card, frame):
    media = card[1]
    box = (0.5, 0.5, 0.2, 0.2)
    boxes = {media[n].path: [Detection("animal", p, box)] for n, p in enumerate((0.2, 0.199))}
    looks = seen(card, frame, ALWAYS_BLANK, boxes).scores
    assert [one.decided_by == "boxes" for one in looks[:2]] == [True, False]


def test_people_are_counted_where_only_people_are_boxed_and_vehicles_never(card, frame):
    media = card[1]
    people = [Detection("human", 0.9, (0.1 * i, 0.2, 0.1, 0.4)) for i in range(3)]
    boxes = {media[0].path: people, media[1].path: [Detection("vehicle", 0.9, (0, 0, 0.5, 0.5))]}
    looks = seen(card, frame, boxes=boxes).scores
    assert (looks[0].count, looks[1].count, looks[2].count) == (3, None, None)


def test_a_turned_camera_shows_in_view_shift(card, frame):
    root, media, _ = card
    other = Image.effect_noise((320, 240), 90).convert("RGB")
    tinted = Image.merge("RGB", [band.point(lambda v, k=k: int(v * k)) for k, band in
                                 zip((1.0, 0.5, 0.2), other.split(), strict=True)])  # fmt: skip
    (root / media[15].path).write_bytes(jpeg(tinted))
    shifts = [one.view_shift for one in seen(card, frame).scores]
    assert shifts[15] > 3 * max(shifts[:15])


def test_a_short_window_has_no_background_and_one_picture_no_view(card, frame):
    root, media, bursts = card
    found = seen((root, media[:5], bursts[:5]), frame)
    assert all(one.novelty is None for one in found.scores)
    [alone] = seen((root, media[:1], bursts[:1]), frame).scores
    assert alone.view_shift is None and alone.novelty is None


def test_day_and_night_have_each_their_own_view(card, frame):
    root, media, _ = card
    for i in range(8):
        (root / media[i].path).write_bytes(jpeg(meadow(i).convert("L")))
    looks = seen(card, frame).scores
    assert [one.light for one in looks] == ["infrared"] * 8 + ["colour"] * 8
    assert all(one.view_shift < 0.2 for one in looks)


def test_the_audits_sample_gets_the_same_vectors_as_kept_pictures(card, frame):
    root, media, _ = card
    kept = seen(card, frame)
    scores = {one.sha256: one for one in kept.scores}
    some, troubles = score.embed(media[4:8], scores, reader(root), COLOURS)
    assert not troubles
    wanted = {(e.sha256, e.view): e.vector for e in kept.embeddings}
    assert {(e.sha256, e.view) for e in some} == {(m.sha256, v) for m in media[4:8]
                                                 for v in ("crop", "frame")}  # fmt: skip
    assert all(wanted[one.sha256, one.view] == one.vector for one in some)


def test_the_audit_says_nothing_again_of_a_picture_that_was_cut_short(card, frame):
    root, media, _ = card
    scores = {one.sha256: one for one in seen(card, frame).scores}
    whole = (root / media[0].path).read_bytes()
    (root / media[0].path).write_bytes(whole[: len(whole) * 2 // 3])
    some, problems = score.embed(media[:1], scores, reader(root), COLOURS)
    assert problems == [] and {one.sha256 for one in some} == {media[0].sha256}


def test_an_audited_picture_that_vanished_is_a_trouble(card, frame):
    root, media, _ = card
    scores = {one.sha256: one for one in seen(card, frame).scores}
    (root / media[0].path).unlink()
    some, [trouble] = score.embed(media[:2], scores, reader(root), COLOURS)
    assert trouble.reason == "vanished" and {one.sha256 for one in some} == {media[1].sha256}


def test_decoding_in_a_child_gives_the_same_pixels():
    data = jpeg(meadow(3))
    here, apart = decode(data), child.decode_in_child(data, "image/jpeg")
    [only] = apart
    assert np.array_equal(here.pixels, only.small.pixels) and not only.small.truncated


def test_a_child_tells_why_a_picture_is_none():
    with pytest.raises(UnreadablePicture) as caught:
        child.decode_in_child(b"", "image/jpeg")
    assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("import os; os.kill(os.getpid(), 11)", "crashed"), ("import time; time.sleep(60)", "hung")],
)
def test_a_decoder_that_dies_or_hangs_costs_one_picture(card, frame, tmp_path, behaviour, said):
    """The child's Pillow does on one picture what a broken codec would do."""
    root, (one, *_), _ = card
    sick = tmp_path / "sick"
    sick.mkdir()
    (sick / "sitecustomize.py").write_text(
        "from PIL import Image\n"
        "real = Image.open\n"
        "def open_(file, *a, **k):\n"
        f"    if b'KILLER' in file.getvalue(): {behaviour}\n"
        "    return real(file, *a, **k)\n"
        "Image.open = open_\n"
    )
    (root / one.path).write_bytes((root / one.path).read_bytes() + b"KILLER")
    sys.path.insert(0, str(sick))
    try:
        found = score.score_window_in_child(
            card[1][:3], [0, 0, 0], reader(root), frame, None, NEVER_BLANK, limit_s=6.0
        )
    finally:
        sys.path.remove(str(sick))
    [trouble] = found.problems
    assert trouble.reason == "unreadable" and said in trouble.detail
    assert found.failed == (one.sha256,) and len(found.scores) == 2


def test_a_window_that_crashed_is_seen_the_same_in_children(card, frame):
    root, media, bursts = card
    few = (root, media[:4], bursts[:4])
    assert seen(few, frame, at=score.score_window_in_child) == seen(few, frame)


def test_looks_are_plain_values(card, frame):
    one = seen(card, frame).scores[0]
    assert type(one.p_blank) is float and type(one.state) is str and type(one.decided_by) is str
    assert all(type(value) is float for value in (*one.logits, *one.crop, one.luma))
    assert replace(one) == one


@dataclass(frozen=True)
class Sees:
    """A detector that sees the same in every picture of its size."""

    found: Seen
    evidence: Evidence = EVIDENCE
    size: tuple[int, int] = (64, 96)
    name: str = "sharp"
    sha256: str = "5" * 64
    own: str = ""

    def prepare(self, pixels, same=None):
        return squeeze(pixels, self.size)

    def run(self, pixels):
        assert all(picture.shape == (*self.size, 3) for picture in pixels)
        return [self.found for _ in pixels]


CORNER = (0.0, 0.0, 0.25, 0.25)
BY = "camtriage detector sharp 555555555555"
ANIMAL = Seen((Detection("animal", 0.9, CORNER, by=BY),), (0.9, 0.05, 0.05))
DOUBT = Seen((Detection("animal", 0.1, CORNER),), (0.1, 0.05, 0.05))


def with_detector(card, frame, found, settings=NEVER_BLANK, boxes=None, **more):
    root, media, bursts = card
    detector = Sees(found, **more)
    return score.score_window(
        media, bursts, reader(root), frame, None, settings, boxes, detector=detector
    ).scores


def test_our_own_sure_box_places_the_crop_counts_and_stays(card, frame):
    for one in with_detector(card, frame, ANIMAL):
        assert one.detections == ANIMAL.boxes and one.confidences == ANIMAL.confidences
        assert (one.crop_source, one.count) == ("detector", 1)
        assert one.crop[:2] == (0, 0) and one.crop[3] < 0.5


def test_without_a_sure_box_the_evidence_places_the_crop(card, frame):
    for one in with_detector(card, frame, DOUBT):
        assert (one.crop_source, one.count) == ("evidence", None) and one.detections


def test_another_detector_s_boxes_win_even_where_it_found_nothing(card, frame):
    media = card[1]
    boxes = {media[0].path: [Detection("human", 0.9, CORNER)] * 2, media[1].path: []}
    first, second, third = with_detector(card, frame, ANIMAL, boxes=boxes)[:3]
    assert (first.crop_source, first.count) == ("boxes", 2)
    assert first.detections == tuple(boxes[media[0].path])
    assert (second.crop_source, second.count, second.detections) == ("evidence", None, ())
    assert third.crop_source == "detector"


def test_a_person_of_the_detector_keeps_every_picture_that_would_be_blank(card, frame):
    person = Seen((Detection("human", 0.9, CORNER),), (0.3, 0.9, 0.05))
    assert {one.state for one in with_detector(card, frame, person, ALWAYS_BLANK)} == {"kept"}
    nothing = Seen((), (0.3, 0.05, 0.05))
    assert {one.state for one in with_detector(card, frame, nothing, ALWAYS_BLANK)} == {"blank"}


def test_a_detector_of_another_size_gets_pictures_of_its_own(card, frame):
    assert with_detector(card, frame, ANIMAL, size=(128, 192))[0].detections == ANIMAL.boxes


def test_a_real_detector_gives_the_same_in_threads_and_in_children(card, frame, tmp_path):
    make_detector(tmp_path / "detector")
    detector, (root, media, bursts) = load_detector(str(tmp_path / "detector")), card
    given = (media[:4], bursts[:4], reader(root), frame, None, NEVER_BLANK)
    once = score.score_window(*given, detector=detector)
    assert score.score_window_in_child(*given, detector=detector) == once
    with ThreadPoolExecutor(4) as pool:
        assert score.score_window(*given, detector=detector, each=pool.map) == once


SPOT = (0.5, 0.5, 0.2, 0.2)
LEVELS = Evidence(Levels(0.5, 0.3), Levels(0.4, 0.2), 0.4, 0.3, 0.0, 0.5, 0.25)


def sees(*boxes: Detection, levels: Evidence = LEVELS) -> Sees:
    """A detector of these boxes."""
    best = [max((b.confidence for b in boxes if b.category == kind), default=0.01)
            for kind in ("animal", "human", "vehicle")]  # fmt: skip
    return Sees(Seen(boxes, tuple(best)), levels)


def test_boxes_of_the_detector_are_kept_with_who_drew_them_and_only_sure_ones_count(card, frame):
    deer = [Detection("animal", p, (0.3 * n, 0.5, 0.2, 0.2))
            for n, p in enumerate((0.9, 0.4, 0.399))]  # fmt: skip
    walkers = [Detection("human", p, SPOT) for p in (0.31, 0.29)]
    found = seen(card, frame, detector=sees(*deer, *walkers)).scores[0]
    kept = [(box.category, box.confidence, box.sure, box.by) for box in found.detections]
    assert kept == [
        ("animal", 0.9, True, BY),
        ("animal", 0.4, True, BY),
        ("human", 0.31, False, BY),
    ]
    assert (found.count, found.crop_source) == (2, "detector")
    assert 0.2 <= found.p_human < 0.5  # worth a look, hidden on pages, and no person yet


def test_a_head_within_its_body_is_no_second_animal(card, frame):
    body, head = (
        Detection("animal", 0.9, (0.2, 0.4, 0.4, 0.3)),
        Detection("animal", 0.6, (0.5, 0.4, 0.1, 0.1)),
    )
    beside = Detection("animal", 0.5, (0.55, 0.4, 0.3, 0.3))
    found = seen(card, frame, detector=sees(body, head, beside)).scores[0]
    assert found.count == 2 and [box.confidence for box in found.detections] == [0.9, 0.5]


def test_boxes_below_every_level_are_no_count_no_crop_and_no_person(card, frame):
    weak = sees(Detection("animal", 0.39, SPOT), Detection("human", 0.29, SPOT))
    found = seen(card, frame, detector=weak).scores[0]
    assert (found.count, found.crop_source) == (None, "evidence") and found.p_human < 0.2
    assert [(box.category, box.sure) for box in found.detections] == [("animal", False)]
    blank = seen(card, frame, ALWAYS_BLANK, detector=weak).scores[0]
    assert (blank.state, blank.detections) == ("blank", ())


def test_a_person_who_looks_more_like_an_animal_counts_only_as_far_as_the_level_allows(card, frame):
    deer, walker = Detection("animal", 0.9, SPOT), Detection("human", 0.55, SPOT)
    weighed = replace(LEVELS, against_animal=0.5)
    both = seen(card, frame, detector=sees(deer, walker, levels=weighed)).scores[0]
    alone = seen(card, frame, detector=sees(walker, levels=weighed)).scores[0]
    assert both.p_human < 0.5 < alone.p_human
    assert [box.sure for box in both.detections if box.category == "human"] in ([], [False])
    assert [box.sure for box in alone.detections] == [True] and alone.count == 1


def test_people_are_counted_beside_an_animal_where_people_are_likelier(card, frame):
    party = [Detection("human", 0.9, (0.1 * i, 0.2, 0.1, 0.4)) for i in range(3)]
    both = seen(card, frame, detector=sees(*party, Detection("animal", 0.8, SPOT))).scores[0]
    assert both.p_human >= both.p_animal and both.counted == "human" and both.count == 3


def test_imported_boxes_win_over_the_detector_and_are_kept_in_its_place(card, frame):
    media = card[1]
    mine = sees(Detection("animal", 0.9, SPOT))
    theirs = Detection("animal", 0.7, (0.1, 0.1, 0.3, 0.3), by="md_v5")
    boxes = {media[0].path: [theirs, replace(theirs, confidence=0.1)], media[1].path: []}
    looks = seen(card, frame, boxes=boxes, detector=mine).scores
    assert [look.detections for look in looks[:2]] == [(theirs,), ()]
    assert [look.crop_source for look in looks[:3]] == ["boxes", "evidence", "detector"]
    assert [box.by for box in looks[2].detections] == [BY]
