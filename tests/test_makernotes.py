"""What makers hide beside EXIF, checked against real pictures and against notes built to lie."""

import struct
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.card import makernotes
from pipeline.card.makernotes import LAYOUTS, Note

HF1, HF2, ULTRA, MICRO, FOUR_K = LAYOUTS


def built(layout, **said) -> bytes:
    """A maker note of that layout that says what is given, and else what a camera would."""
    note = bytearray(900)
    note[: len(layout.start)] = layout.start

    def put(offset, form, *numbers):
        struct.pack_into("<" + form, note, offset, *numbers)

    def write(place, text, wide):
        raw = text.encode("utf-16-le" if wide else "latin-1")
        note[place[0] : place[0] + len(raw)] = raw

    note[layout.trigger] = ord(said.get("trigger", "M"))
    put(*layout.sequence, *said.get("sequence", (2, 5)))
    event = said.get("event", 70_000)
    two_words = layout.event[1] == "HH"
    put(*layout.event, *((event >> 16, event & 0xFFFF) if two_words else (event,)))
    when = said.get("when", datetime(2021, 4, 11, 20, 43, 9))
    part = {"s": when.second, "m": when.minute, "h": when.hour}
    part |= {"D": when.day, "M": when.month, "Y": when.year}
    order = said.get("order", layout.date[2])
    put(layout.date[0], layout.date[1], *(part[letter] for letter in order))
    if layout.weekday:
        put(layout.weekday, "B", when.isoweekday() % 7 + layout.sunday)
    put(layout.moon, "H" if layout.wide else "B", said.get("moon", 0))
    put(layout.celsius, "h", said.get("celsius", -7))
    write(layout.label, said.get("label", "MICA 318"), False)
    write(layout.serial, said.get("serial", "H2RXEM06043616"), layout.wide)
    return bytes(note)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.start.decode("latin-1").strip("\0"))
def test_each_family_of_reconyx_tells_everything(layout):
    assert makernotes.read(built(layout)) == Note(
        taken_at=datetime(2021, 4, 11, 20, 43, 9),
        make="RECONYX",
        serial="H2RXEM06043616",
        temperature_c=-7.0,  # signed: old readers show 65529
        moon="new",
        sequence_n=2,
        sequence_m=5,
        camera_event=70_000,
        capture_method="activityDetection",
        camera_label="MICA 318",
    )


def test_the_month_stands_before_the_day_in_a_hyperfire_2():
    """Published tables say otherwise and would give November: the weekday decides."""
    eleventh_of_april = datetime(2021, 4, 11, 20, 43, 9)
    assert makernotes.read(built(HF2)).taken_at == eleventh_of_april
    turned = built(HF2, order="smhDMY")  # a firmware that does it the other way
    assert makernotes.read(turned).taken_at == eleventh_of_april


def test_a_date_that_can_only_be_read_one_way_is_read_that_way():
    last = datetime(2020, 12, 31, 23, 59, 59)
    for layout in LAYOUTS:
        assert makernotes.read(built(layout, when=last, order="smhDMY")).taken_at == last


def test_swapped_bytes_of_a_hyperfire_1_are_put_right():
    note = bytearray(built(HF1))
    offset = HF1.date[0]
    words = struct.unpack_from("<6H", note, offset)
    struct.pack_into(">6H", note, offset, *words)
    assert makernotes.read(bytes(note)).taken_at == datetime(2021, 4, 11, 20, 43, 9)


def test_time_lapse_has_no_place_in_a_sequence():
    note = makernotes.read(built(HF1, trigger="T", sequence=(0, 0)))
    assert (note.sequence_n, note.sequence_m, note.capture_method) == (None, None, "timeLapse")
    assert makernotes.read(built(HF1, trigger="E")).capture_method is None


def test_numbers_that_cannot_be_are_left_out():
    note = makernotes.read(built(HF2, sequence=(7, 5), moon=9, celsius=-300, serial="\u2603"))
    assert (note.sequence_n, note.sequence_m) == (None, None)
    assert (note.moon, note.temperature_c) == (None, None)
    assert note.camera_label == "MICA 318"  # the rest is still worth having
    for byte in (b"\xff", b"\0"):  # memory that was never written
        note = makernotes.read(HF1.start + byte * 700)
        assert (note.taken_at, note.serial, note.camera_label) == (None, None, None)
        assert note.camera_event in (None, 0)  # four billion events fit no camera and no database


def test_a_note_cut_short_tells_what_is_left_of_it():
    whole = built(HF2)
    for length in range(len(whole)):
        makernotes.read(whole[:length])
    assert makernotes.read(whole[:0x3E]).camera_event == 70_000
    assert makernotes.read(whole[:0x3E]).taken_at is None


@settings(deadline=None)
@given(st.sampled_from(LAYOUTS), st.binary(max_size=300), st.text(max_size=60))
def test_no_bytes_make_the_reader_fall(layout, noise, comment):
    note = makernotes.read(layout.start + noise, comment)
    assert note.temperature_c is None or -70 <= note.temperature_c <= 80
    assert note.sequence_n is None or 1 <= note.sequence_n <= note.sequence_m
    makernotes.read(noise, comment)


def test_brownings_comment_and_moultries_note_give_temperature_and_name():
    browning = makernotes.read(b"", "1249:122022:66F:2962:USGSB001:7E[102:0398]G[024:0x0016]")
    assert (browning.temperature_c, browning.camera_label) == (18.9, "USGSB001")
    note = b"00.00:50F:4:EDGE:20221108024254_002225.JPG:868050044996722:792784:false:false:\0\0"
    moultrie = makernotes.read(note)
    assert (moultrie.temperature_c, moultrie.serial) == (10.0, "868050044996722")


def test_the_moon_of_real_nights_is_told_within_a_phase():
    new_moon = datetime(2021, 4, 12, 2, 31)
    for phase in range(8):
        when = new_moon + timedelta(days=phase * makernotes.MONTH_DAYS / 8)
        note = built(HF2, when=when, moon=phase)
        assert makernotes.read(note).moon == makernotes.MOONS[phase]
        assert makernotes._doubt(when, note, HF2) == (False, False)
        assert makernotes._doubt(when, built(HF2, when=when, moon=(phase + 4) % 8), HF2)[1]
