"""What cameras wrote, read from real originals and from headers that were made to mislead."""

import csv
import io
import struct
import time
from datetime import datetime

import exifread
import pytest
from PIL import Image, TiffImagePlugin
from test_makernotes import HF1, built

from pipeline.card import exif, scan
from pipeline.records import Found, Media

MAKE, MODEL, ORIENTATION, DATE_TIME, EXIF, GPS = 0x10F, 0x110, 0x112, 0x132, 0x8769, 0x8825
ORIGINAL, DIGITIZED, OFFSET, SUB_SECONDS = 0x9003, 0x9004, 0x9011, 0x9291
NOTE, COMMENT, SERIAL = 0x927C, 0x9286, 0xA431
pytestmark = pytest.mark.filterwarnings("ignore::Warning:PIL")


def taken(tmp_path, name="IMG_0001.JPG", first=(), inner=(), gps=(), form="JPEG", **more) -> Media:
    """A picture with these tags, written by Pillow and read by us."""
    tags = Image.Exif()
    tags.update(dict(first))
    tags.get_ifd(EXIF).update(dict(inner))
    if form == "TIFF":
        tags[EXIF] = 0  # else Pillow forgets the inner folder of a TIFF
    if gps:
        tags.get_ifd(GPS).update(gps)
    file = io.BytesIO()
    Image.new("RGB", (32, 24)).save(file, form, exif=tags, **more.pop("save", {}))
    (tmp_path / name).write_bytes(file.getvalue())
    found = Found(name, "picture", len(file.getvalue()), more.pop("modified_at", 0.0))
    media, troubles = scan.read_media(tmp_path, found, **more)
    assert troubles == []
    return media


def originals(place):
    with open(place / "originals.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_real_originals_of_eighteen_cameras_are_read_as_their_table_says(camera_trap):
    found = {one.path: one for one in scan.scan(camera_trap / "originals")}
    rows = originals(camera_trap)
    assert len(rows) == 24
    for row in rows:
        path = row["path"].removeprefix("originals/")
        media, troubles = scan.read_media(camera_trap / "originals", found[path])
        assert troubles == []
        said = {
            "make": media.make or "",
            "model": media.model or "",
            "pixels": f"{media.width}x{media.height}",
            "bytes": str(media.size),
            "taken_at": media.taken_at.isoformat() if media.taken_at else "",
            "has_gps": "no" if media.latitude is None else "yes",
        }
        if not row["make"] and media.make == "RECONYX":
            said["make"] = ""  # the maker note knows the make that this camera never wrote
        if row["temperature"]:
            said["temperature"] = f"{media.temperature_c:.0f} C"
            said["moon"] = media.moon.replace("waning crescent", "old crescent").title()
        assert said == {name: row[name] for name in said}, path


def test_a_camera_without_any_exif_date_is_dated_by_its_maker_note(camera_trap):
    data = (camera_trap / "originals" / "Reconyx_HC500_Hyperfire.jpg").stat()
    found = Found("Reconyx_HC500_Hyperfire.jpg", "picture", data.st_size)
    media, _ = scan.read_media(camera_trap / "originals", found)
    assert (media.clock, media.serial, media.camera_event) == ("makernote", "H500EE06130468", 8)
    assert (media.make, media.capture_method) == ("RECONYX", "timeLapse")


def test_real_labels_agree_with_the_times_read_from_a_thousand_pictures(camera_trap):
    with open(camera_trap / "labels.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["taken_at"]][::7]
    for row in rows:
        if row["card"] == "sa_jaguar_flash":
            continue  # minutes in a file's name look like a counter: not believed
        size = (camera_trap / row["path"]).stat().st_size
        media, _ = scan.read_media(camera_trap, Found(row["path"], "picture", size))
        assert media.taken_at.replace(microsecond=0).isoformat() == row["taken_at"], row["path"]


def test_original_goes_before_digitized_before_maker_note_before_the_first_folder(tmp_path):
    sources = [
        ({}, {ORIGINAL: "2021:01:01 01:00:00"}, "exif", 1),
        ({}, {DIGITIZED: "2021:01:01 02:00:00"}, "exif", 2),
        ({}, {NOTE: built(HF1, when=datetime(2021, 1, 1, 3))}, "makernote", 3),
        ({DATE_TIME: "2021:01:01 04:00:00"}, {}, "exif", 4),
    ]
    for first in range(len(sources)):
        tags, inner = {}, {}
        for outer_part, inner_part, *_ in sources[first:]:
            tags |= outer_part
            inner |= inner_part
        media = taken(tmp_path, "20210101_060000.jpg", tags, inner)
        *_, clock, hour = sources[first]
        assert (media.clock, media.taken_at.hour) == (clock, hour)


def test_then_xmp_then_the_name_and_the_files_own_date_only_when_asked(tmp_path):
    xmp = b'<x:xmpmeta><rdf:Description exif:DateTimeOriginal="2021-01-01T05:00:00.50+02:00"/>'
    by_xmp = taken(tmp_path, "20210101_060000.jpg", save={"xmp": xmp})
    assert (by_xmp.clock, by_xmp.taken_at) == ("exif", datetime(2021, 1, 1, 5, 0, 0, 500_000))
    by_name = taken(tmp_path, "20210101_060000.jpg")
    assert (by_name.clock, by_name.taken_at.hour) == ("file_name", 6)
    copied = datetime(2021, 1, 1, 7).timestamp()
    assert taken(tmp_path, modified_at=copied).clock == "none"
    by_file = taken(tmp_path, modified_at=copied, file_date=True)
    assert (by_file.clock, by_file.taken_at) == ("file_date", datetime(2021, 1, 1, 7))


def test_sub_seconds_and_offset_belong_to_the_time_of_taking(tmp_path):
    inner = {ORIGINAL: "2021:04:11 20:43:09", SUB_SECONDS: "050", OFFSET: "+02:00"}
    media = taken(tmp_path, inner=inner)
    assert media.taken_at == datetime(2021, 4, 11, 20, 43, 9, 50_000)
    assert media.utc_offset_min == 120
    time_zone_offset = {0x882A: 0}  # what Reconyx always writes: not an offset
    assert taken(tmp_path, inner=inner | {OFFSET: ""} | time_zone_offset).utc_offset_min is None


@pytest.mark.parametrize(
    ("inner", "minutes"),
    [
        ({DIGITIZED: "2026:05:01 08:30:00", 0x9012: "+02:00"}, 120),
        ({ORIGINAL: "2026:05:01 08:30:00", 0x9010: "-03:30"}, -210),
        ({ORIGINAL: "2026-05-01T08:30:00+02:00"}, 120),
        ({ORIGINAL: "2026-05-01T08:30:00Z"}, 0),
        ({ORIGINAL: "2026:05:01 08:30:00", 0x9010: "+01:00", OFFSET: "+02:00"}, 120),
        ({ORIGINAL: "2026:05:01 08:30:00", 0x9012: "+01:00", OFFSET: "   :  "}, 60),
        ({ORIGINAL: "2026:05:01 08:30:00", OFFSET: "   :  "}, None),
        ({ORIGINAL: "2026:05:01 08:30:00", 0x9010: "+25:00"}, None),
    ],
)
def test_an_offset_is_read_from_every_tag_that_cameras_write_it_into(tmp_path, inner, minutes):
    media = taken(tmp_path, inner=inner)
    assert (media.taken_at, media.utc_offset_min) == (datetime(2026, 5, 1, 8, 30), minutes)


def test_a_date_of_zeros_is_passed_over_but_kept_as_text(tmp_path):
    zeros = {ORIGINAL: "0000:00:00 00:00:00"}
    media = taken(tmp_path, inner=zeros)
    assert (media.taken_at, media.clock) == (None, "none")
    assert media.time_text == "0000:00:00 00:00:00"
    named = taken(tmp_path, "20210101_060000.jpg", inner=zeros)
    assert (named.clock, named.time_text) == ("file_name", "2021:01:01 06:00:00")


def test_padding_is_taken_off_makes_models_and_serials(tmp_path):
    media = taken(
        tmp_path, first={MAKE: "G4       ", MODEL: "CUDDEBACK\0\0"}, inner={SERIAL: " 7 "}
    )
    assert (media.make, media.model, media.serial) == ("G4", "CUDDEBACK", "7")
    blank = taken(tmp_path, first={MAKE: "   ", MODEL: "\0"})
    assert (blank.make, blank.model) == (None, None)
    assert len(taken(tmp_path, first={MAKE: "x" * 5000}).make) == 200


def test_a_camera_that_is_labelled_with_its_own_model_has_no_label_of_its_owner(tmp_path):
    for label, expected in (("HYPERFIRE 2", None), ("Ridge 3", "Ridge 3")):
        note = {NOTE: built(HF1, label=label)}
        assert taken(tmp_path, first={MODEL: "HYPERFIRE 2"}, inner=note).camera_label == expected


def place(latitude=(10, 30, 0), south="N", longitude=(20, 0, 36), west="E") -> dict:
    ratio = TiffImagePlugin.IFDRational
    return {
        1: south,
        2: tuple(ratio(*x) if isinstance(x, tuple) else ratio(x) for x in latitude),
        3: west,
        4: tuple(ratio(*x) if isinstance(x, tuple) else ratio(x) for x in longitude),
    }


def test_a_place_is_in_degrees_south_and_west_below_zero(tmp_path):
    media = taken(tmp_path, gps=place(south="S", west="W"))
    assert (media.latitude, media.longitude) == (-10.5, -20.01)


@pytest.mark.parametrize(
    "gps",
    [
        place(latitude=((1, 0), 0, 0)),
        place(latitude=((0, 0), (0, 0), (0, 0))),
        place(latitude=(91, 0, 0)),
        place(latitude=(10, 75, 0)),
        place(south=""),
        place(latitude=(0, 0, 0), longitude=(0, 0, 0)),
        {1: "N", 2: (TiffImagePlugin.IFDRational(10),)},
        {key: value for key, value in place().items() if key < 3},
    ],
)
def test_a_place_that_cannot_be_is_no_place(tmp_path, gps):
    media = taken(tmp_path, gps=gps)
    assert (media.latitude, media.longitude) == (None, None)


def test_orientation_is_one_of_eight_or_upright(tmp_path):
    assert taken(tmp_path, first={ORIENTATION: 6}).orientation == 6
    assert taken(tmp_path, first={ORIENTATION: 77}).orientation == 1
    assert taken(tmp_path).orientation == 1


def test_brownings_comment_is_read_with_or_without_its_character_set(tmp_path):
    text = b"1249:122022:66F:2962:USGSB001:7E[102:0398]"
    for lead in (b"", b"ASCII\0\0\0", bytes(8)):
        assert taken(tmp_path, inner={COMMENT: lead + text}).temperature_c == 18.9


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_other_forms_of_picture_carry_the_same_tags(tmp_path, form):
    inner = {ORIGINAL: "2021:04:11 20:43:09", NOTE: built(HF1, celsius=3)}
    media = taken(tmp_path, first={MAKE: "SY"}, inner=inner, form=form)
    assert (media.make, media.temperature_c) == ("SY", 3.0)
    assert media.taken_at == datetime(2021, 4, 11, 20, 43, 9)


def test_a_damaged_tag_costs_that_tag_and_not_the_date(tmp_path):
    """An absurd count in front of the date: one reader gives up, the other goes on."""
    inner = {0x829A: TiffImagePlugin.IFDRational(1, 60), ORIGINAL: "2021:04:11 20:43:09"}
    taken(tmp_path, "a.jpg", first={MAKE: "RECONYX"}, inner=inner)
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    entry = data.index(struct.pack(">HH", 0x829A, 5))
    data[entry + 4 : entry + 8] = b"\x7f\xff\xff\xff"
    (tmp_path / "b.jpg").write_bytes(data)
    media, _ = scan.read_media(tmp_path, Found("b.jpg", "picture", len(data)))
    assert media.taken_at == datetime(2021, 4, 11, 20, 43, 9)


def test_a_block_cut_off_within_a_tag_makes_no_reader_fall(tmp_path):
    """Two per cent of randomly damaged blocks make exifread raise a bare IndexError."""
    block = b"MM\0*\0\0\0\x08\0\x02\x01\x32\0\x02\0\0\0\x14\0\0\0\x26\x87\x69\0\x04"
    with pytest.raises(IndexError):
        exifread.process_file(io.BytesIO(block), details=False)
    file = io.BytesIO()
    Image.new("RGB", (32, 24)).save(file, "JPEG", exif=b"Exif\0\0" + block)
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    media, troubles = scan.read_media(tmp_path, Found("a.jpg", "picture", 1))
    assert (media.width, media.taken_at, troubles) == (32, None, [])


def test_folders_that_claim_65535_tags_cost_no_time():
    """Twenty pointers to one such folder keep exifread busy for seconds; it is cut short."""
    to_folder = struct.pack(">HHII", 0x8825, 4, 1, 8 + 2 + 20 * 12 + 4)
    block = b"MM\0*\0\0\0\x08\0\x14" + to_folder * 20 + bytes(4) + b"\xff\xff" + bytes(60_000)
    image = Image.new("RGB", (1, 1))
    image.info["exif"] = b"Exif\0\0" + block
    begun = time.perf_counter()
    assert exif.read(image, "IMG_0001.JPG")["taken_at"] is None
    assert time.perf_counter() - begun < 1.0
