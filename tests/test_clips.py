"""Clips of cameras: some of their frames are looked at, and every file is accounted for."""

import contextlib
import io
import json
from datetime import datetime

import av
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flows.services import reviewing
from flows.services.reviewing.pictures import Pictures, Roots
from flows.services.reviewing.shown import show
from pipeline.card import clips, windows
from pipeline.card.scan import read_media, scan
from pipeline.errors import UnreadablePicture
from pipeline.frames import child, clip
from pipeline.records import Media
from pipeline.settings import Windows
from pipeline.train.drawn.card import DOE
from tests import cards
from tests.clips import DrawnCamera, film, filmed
from tests.commands import camtriage


def every_frame(data: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(data)) as container:
        return [clip._pixels(one, clip.SHORT_SIDE) for one in container.decode(video=0)]


@settings(max_examples=12)
@given(
    st.integers(1, 70),
    st.integers(1, 40),
    st.sampled_from([("mp4", "mpeg4"), ("mp4", "h264"), ("avi", "mjpeg"), ("avi", "mpeg4")]),
)
def test_frames_that_are_reached_by_leaving_packets_out_are_those_of_the_whole_clip(n, keys, form):
    data = film(n, *form, keys=keys)
    whole, looked = every_frame(data), clip.frames(data)
    for one in looked:
        assert np.array_equal(one.small.pixels, whole[one.number])
        assert np.array_equal(clip.frame(data, one.number).pixels, whole[one.number])
    assert looked[0].number == 0 and not looked[-1].small.truncated


def test_a_second_apart_the_first_always_and_twenty_at_most():
    numbers = [[one.number for one in clip.frames(film(n, keys=1))] for n in (1, 31, 401)]
    assert numbers[0] == [0] and numbers[1] == [0, 10, 20]
    assert len(numbers[2]) == 20 and numbers[2][:3] == [0, 20, 40]


def test_a_clip_that_breaks_off_is_truncated_and_one_without_its_index_is_unreadable():
    whole = film(200, "avi")
    assert clip.frames(whole[: len(whole) * 2 // 3])[-1].small.truncated
    with pytest.raises(UnreadablePicture, match="the end of the clip is missing"):
        clip.about(film(50)[:1_500])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#EXTM3U\n#EXTINF:9,\n/etc/hostname\n",
        b"ffconcat version 1.0\nfile a.mp4\n",
        b"x" * 99,
    ],
)
def test_what_is_no_clip_opens_nothing_and_says_so(data):
    with pytest.raises(UnreadablePicture):
        clip.about(data)


def test_a_clip_in_a_codec_that_nobody_knows_is_unreadable():
    unknown = film(3, "mov", "mjpeg").replace(b"jpeg", b"zzzz")
    for read in (clip.about, clip.frames):
        with pytest.raises(UnreadablePicture, match="unreadable"):
            read(unknown)


def test_a_stream_that_begins_later_costs_nothing():
    whole = film(30, "mpegts")
    later = bytearray(whole)
    for at in range(0, len(later), 188):  # packets of MPEG-TS; 0x100 is the number of its stream
        if later[at + 1] & 31 == 1 and later[at + 2] == 0:
            later[at + 2] = 1
    assert [one.number for one in clip.frames(whole + later)] == [0, 10, 20]


def test_a_clip_in_a_child_gives_the_same_frames():
    data = film(35)
    here, apart = clip.shown(data, "video/mp4"), child.decode_in_child(data, "video/mp4")
    assert [one.number for one in here] == [one.number for one in apart]
    pairs = zip(here, apart, strict=True)
    assert all(np.array_equal(one.small.pixels, two.small.pixels) for one, two in pairs)


@pytest.mark.parametrize(
    ("written", "path", "at", "clock", "offset"),
    [
        ({"creation_time": "2026-05-01T04:30:00.000000Z"}, "a.mp4", 4, "container", None),
        ({"creation_time": "2026-05-01T04:30:00Z"}, "20260501_073000.mp4", 7, "file_name", None),
        (
            {"creation_time": "2026-05-01T04:30:00Z", "com.samsung.android.utc_offset": "+0300"},
            *("20260501_070000.mp4", 7, "container", 180),
        ),
        (
            {"com.apple.quicktime.creationdate": "2026-05-01T06:30:00+0200"},
            *("a.mov", 6, "container", 120),
        ),
        ({"date": "2026-05-01 05:30:00"}, "a.avi", 5, "container", None),
        ({}, "a.avi", None, "none", None),
    ],
)
def test_a_clips_start_is_local_where_an_offset_says_so_else_by_name_else_as_written(
    written, path, at, clock, offset
):
    taken, source, _ = clips.clock.believe(clips._times(written, path, None))
    assert (taken and (taken.hour, taken.minute), source) == (at and (at, 30), clock)
    assert (clips._offset(written) if source == "container" else None) == offset


@given(
    st.lists(
        st.one_of(st.none(), st.floats(0.1, 90)), min_size=1, max_size=60
    ),  # a picture, or seconds of a clip
    st.integers(20, 60),
)
def test_a_window_holds_no_more_frames_than_pictures_are_allowed(lengths, size):
    media = [
        Media(f"{i:03}", f"{i:03}", 1, "video/mp4" if s else "image/jpeg", duration_s=s)
        for i, s in enumerate(lengths)
    ]
    weight = {one.sha256: windows._weight(one) for one in media}
    plan = windows.plan(media, Windows(size=size))
    assert [sha for one in plan for sha in one.sha256s] == [one.sha256 for one in media]
    assert all(sum(weight[sha] for sha in one.sha256s) <= size for one in plan)


def test_a_picture_soon_after_a_clips_end_is_of_the_same_burst():
    begin, after = datetime(2026, 5, 1, 6), datetime(2026, 5, 1, 6, 0, 35)
    long = Media("a", "a", 1, "video/mp4", taken_at=begin, duration_s=30.0)
    still = Media("b", "b", 1, taken_at=after)
    assert windows.burst_starts([long, still], 10) == [0]
    assert windows.burst_starts([still, long], 10) == [0]


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """A card of pictures and clips, one of them cut and one without anything, after a run."""
    place = tmp_path_factory.mktemp("season")
    card = cards.card(place / "card", pictures=9, cameras=1, broken=False)
    folder = next(card.rglob("*.JPG")).parent
    (folder / "CLIP0001.MP4").write_bytes(film(45, creation_time="2026-05-01T06:00:20"))
    (folder / "CLIP0002.AVI").write_bytes(film(200, "avi")[:13_000])
    (folder / "CLIP0003.MP4").write_bytes(film(45)[:1_500])
    url = f"sqlite:///{place / 'c.db'}"
    boxes = [{"category": "2", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5], "frame_number": 31}]
    told = {
        "info": {"detector": "megadetector_v5a", "format_version": "1.6"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": [
            {"file": str((folder / name).relative_to(card)), "detections": found}
            for name, found in (("CLIP0001.MP4", boxes), ("CLIP0002.AVI", []))
        ],
    }
    (place / "boxes.json").write_text(json.dumps(told))
    words = ["run", card, "--database", url, "--name", "k", "--boxes", place / "boxes.json"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert camtriage(*words, "--detector", "none") in (0, None)
    assert "11, 2 of them clips, 1 without a time" in said.getvalue()
    assert "1 picture without a time, each a visit alone: enter times" in said.getvalue()
    return place, url


def test_every_clip_of_a_card_is_a_medium_or_a_file_problem(season):
    _, url = season
    assert camtriage("check", "--database", url) in (0, None)
    with sa.create_engine(url).connect() as conn:
        [counts] = conn.exec_driver_sql(
            "SELECT files, pictures, clips, videos, closes, unprocessed FROM run_summary"
        )
        problems = conn.exec_driver_sql("SELECT path, step, reason FROM troubles ORDER BY path")
        found = {path.rsplit("/")[-1]: (step, reason) for path, step, reason in problems}
        clip_row = conn.exec_driver_sql(
            "SELECT taken_at, clock, duration_s, frame_rate FROM pictures"
            " WHERE path LIKE '%0001.MP4'"
        ).one()
    assert tuple(counts) == (12, 11, 2, 1, True, 0)
    assert found == {
        "CLIP0002.AVI": ("look", "truncated"), "CLIP0003.MP4": ("ingest", "unreadable"),
    }  # fmt: skip
    assert tuple(clip_row) == ("2026-05-01T06:00:20", "container", 4.5, 10.0)


def test_an_imported_box_counts_on_the_frame_nearest_to_its_own(season):
    _, url = season
    with sa.create_engine(url).connect() as conn:
        state, p_human, by = conn.exec_driver_sql(
            "SELECT state, p_human, decided_by FROM media_status WHERE path LIKE '%0001.MP4'"
        ).one()
        [frame] = conn.exec_driver_sql("SELECT frame_number FROM boxes").scalars()
    assert (state, by, frame) == ("kept", "boxes", 30) and p_human >= 0.9


def test_a_clip_goes_out_with_its_frames_and_comes_back(season, tmp_path):
    _, url = season
    assert camtriage("export", "megadetector", tmp_path / "m.json", "--database", url) in (0, None)
    images = json.loads((tmp_path / "m.json").read_text())["images"]
    [one] = [image for image in images if image["file"].endswith("0001.MP4")]
    assert one["frame_rate"] == 10.0 and one["frames_processed"] == [0, 10, 20, 30, 36]
    assert {box["frame_number"] for box in one["detections"]} == {30}
    still = [image for image in images if image["file"].endswith("JPG")]
    assert still and all("frame_rate" not in image for image in still)
    out = ["report", "--database", url, "--out", tmp_path]
    assert camtriage(*out) in (0, None)
    page = next(tmp_path.glob("*.html")).read_text()
    assert "CLIP0001.MP4" in page


def test_the_review_screen_shows_the_frame_that_shows_most(season):
    _, url = season
    with sa.create_engine(url).connect() as conn:
        query = "SELECT id FROM media WHERE path LIKE '%0001.MP4'"
        media_id = conn.exec_driver_sql(query).scalar_one()
    shown = Pictures(url, Roots(), bar=2.0).picture(media_id, "strip", clear=True)
    assert Image.open(io.BytesIO(shown)).size == (96, 64)


def test_the_review_screen_unfolds_a_clip_into_the_frames_that_were_looked_at(season, monkeypatch):
    _, url = season
    with sa.create_engine(url).connect() as conn:
        query = "SELECT id FROM media WHERE path LIKE '%0001.MP4'"
        media_id = conn.exec_driver_sql(query).scalar_one()
        of_clip = [
            one for one in show(conn, media_id, False, 2.0).frames if one.media_id == media_id
        ]
        monkeypatch.setattr(reviewing.shown, "MOST_FRAMES", 4)
        folded = [
            one for one in show(conn, media_id, False, 2.0).frames if one.media_id == media_id
        ]
    assert [(one.number, one.taken_at[-2:]) for one in of_clip] == [
        (0, "20"), (10, "21"), (20, "22"), (30, "23"), (36, "24"),
    ]  # fmt: skip
    assert [(one.number, bool(one.boxes)) for one in of_clip if one.shows_most] == [(30, True)]
    assert not [one for one in of_clip if one.boxes and not one.shows_most]
    assert [(one.number, one.shows_most) for one in folded] == [(None, True)]
    pictures = Pictures(url, Roots(), bar=2.0)
    strip = [pictures.picture(media_id, "strip", True, one.number) for one in of_clip]
    alone = [pictures.picture(media_id, "big", True, one.number) for one in of_clip]
    assert len(set(strip)) == 5 and strip == alone, "decoded together or each by itself"
    assert pictures.picture(media_id, "big", True) == alone[3]


@pytest.mark.parametrize("turned", [90, -90, 180])
def test_a_clip_of_a_phone_is_as_wide_and_tall_as_it_is_shown(tmp_path, turned):
    wide = np.zeros((64, 96, 3), np.uint8)
    (tmp_path / "a.mp4").write_bytes(filmed([wide] * 3, turned=turned))
    [found] = scan(tmp_path)
    media, _ = read_media(tmp_path, found)
    [shown] = clip.frames((tmp_path / "a.mp4").read_bytes())
    assert (media.width, media.height) == ((96, 64) if turned == 180 else (64, 96))
    height, width = shown.small.pixels.shape[:2]
    assert (height > width) == (media.height > media.width)


def test_people_in_clips_are_flagged_by_day_and_night_and_nobody_else_is(tmp_path):
    """With the bundled models at the levels that ship."""
    camera = DrawnCamera(tmp_path / "card", "CamC", "track", seed=5)
    day = datetime(2026, 5, 4)
    quiet = [("blank", hour) for hour in (9, 13, 15)]
    for what, hour in (("person", 11), ("person", 23), (DOE, 7), *quiet):
        camera.clip(what, day.replace(hour=hour))
    (tmp_path / "d.csv").write_text("deploymentID,deploymentTags\nCamC,access:closed\n")
    url = f"sqlite:///{tmp_path / 'c.db'}"
    words = ["run", tmp_path / "card", "--database", url, "--deployments", tmp_path / "d.csv"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert camtriage(*words) in (0, None)
    with sa.create_engine(url).connect() as conn:
        query = "SELECT substr(taken_at, 12, 2), state, observation_type FROM media_status"
        seen = {hour: (state, kind) for hour, state, kind in conn.exec_driver_sql(query)}
        query = "SELECT substr(started_at, 12, 2), severity, rules FROM flags ORDER BY 1"
        flags = [
            (hour, rank, *json.loads(rules)) for hour, rank, rules in conn.exec_driver_sql(query)
        ]
    assert {hour for hour, (_, kind) in seen.items() if kind == "human"} == {"11", "23"}
    assert seen["07"][0] == "kept" and ("blank", "blank") in seen.values()
    assert flags == [
        ("11", 3, "human_unexpected"), ("23", 3, "human_unexpected", "human_at_night"),
    ]  # fmt: skip


def test_without_the_extra_clips_are_counted_and_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.card.scan.video", lambda: False)
    (tmp_path / "a.mp4").write_bytes(film(5))
    [found] = scan(tmp_path)
    assert found.kind == "video"
    with pytest.raises(Exception, match=r"pip install 'camtriage\[video\]'"):
        camtriage("ingest", tmp_path, "--dry-run")


def test_a_clip_is_read_as_its_container_tells(tmp_path):
    (tmp_path / "a.mp4").write_bytes(film(45))
    [found] = scan(tmp_path)
    media, problems = read_media(tmp_path, found)
    assert problems == [] and (media.width, media.height) == (96, 64)
    assert (media.mediatype, media.duration_s, media.frame_rate) == ("video/mp4", 4.5, 10.0)
