"""Every file of a card is accounted for; a card that cannot be walked fails as a whole."""

import io
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flows.run_options import RunOptions
from flows.steps.card import read_card
from pipeline.card import scan
from pipeline.errors import CardError
from pipeline.frames.decode import decode
from pipeline.records import Found
from tests.heif import heic

pytestmark = pytest.mark.filterwarnings("ignore::Warning:PIL")


def picture(form: str = "JPEG", size=(64, 48), **options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (90, 110, 60)).save(file, form, **options)
    return file.getvalue()


def put(root: Path, name: str, data: bytes = b"x") -> Path:
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def kinds(root: Path) -> dict[str, str]:
    return {one.path: one.kind for one in scan.scan(root)}


def read(root: Path, name: str, data: bytes):
    put(root, name, data)
    return scan.read_media(root, Found(name, "picture", len(data)))


def test_files_are_sorted_by_kind_whatever_the_case_of_their_ending(tmp_path):
    for name in ("a.JPG", "b.jpeg", "c.Tiff", "d.PNG", "e.MP4", "f.TLS", "g.txt", "h", "i.gif"):
        put(tmp_path, f"DCIM/100RECNX/{name}")
    found = {path.removeprefix("DCIM/100RECNX/"): kind for path, kind in kinds(tmp_path).items()}
    assert found == {
        **dict.fromkeys(("a.JPG", "b.jpeg", "c.Tiff", "d.PNG", "i.gif"), "picture"),
        **dict.fromkeys(("e.MP4", "f.TLS"), "video"),
        **dict.fromkeys(("g.txt", "h"), "other"),
    }


def test_a_heic_picture_counts_as_picture_only_where_it_can_be_read(tmp_path):
    put(tmp_path, "a.HEIC")
    assert kinds(tmp_path) == {"a.HEIC": "picture" if scan.heic() else "other"}


def test_what_computers_leave_behind_is_skipped_and_counted(tmp_path):
    left = ("._IMG_0001.JPG", ".DS_Store", "Thumbs.db", "sub/._x.jpg", "desktop.ini")
    for name in (*left, "System Volume Information/IndexerVolumeGuid", ".Trashes/501/a.jpg"):
        put(tmp_path, name)
    put(tmp_path, "@eaDir/a.jpg")
    put(tmp_path, "$RECYCLE.BIN/a.jpg")
    folders = ("System Volume Information", ".Trashes", "@eaDir", "$RECYCLE.BIN")
    assert kinds(tmp_path) == dict.fromkeys((*left, *folders), "skipped")


def test_a_missing_folder_or_a_file_in_its_place_is_refused_by_name(tmp_path):
    with pytest.raises(CardError, match=r"nowhere: no such folder"):
        scan.scan(tmp_path / "nowhere")
    with pytest.raises(CardError, match=r"a\.jpg: not a folder"):
        scan.scan(put(tmp_path, "a.jpg"))


@pytest.fixture
def as_nobody():
    """Rights only count for somebody who is not root."""
    if os.name != "posix":
        pytest.skip("rights of this kind are POSIX")
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.fixture
def open_card():
    """A card that everybody may enter, unlike pytest's own folders."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def test_a_folder_that_cannot_be_read_fails_the_card_and_is_named(open_card, request):
    put(open_card, "CamA/a.jpg")
    closed = put(open_card, "CamB/b.jpg").parent
    closed.chmod(0)
    request.getfixturevalue("as_nobody")
    with pytest.raises(CardError, match=r"CamB: Permission denied; nothing of this card was taken"):
        scan.scan(open_card)


def test_a_file_that_cannot_be_read_is_a_trouble_and_the_card_goes_on(open_card, request):
    put(open_card, "a.jpg", picture()).chmod(0)
    request.getfixturevalue("as_nobody")
    media, [trouble] = scan.read_media(open_card, scan.scan(open_card)[0])
    assert media is None
    assert (trouble.path, trouble.reason) == ("a.jpg", "unreadable")


def test_links_are_not_followed_out_of_the_card_nor_counted_twice_within(tmp_path):
    card, outside = tmp_path / "card", tmp_path / "outside"
    put(outside, "secret.jpg", picture())
    put(card, "CamA/a.jpg", picture())
    (card / "out.jpg").symlink_to(outside / "secret.jpg")
    (card / "outside").symlink_to(outside)
    (card / "again").symlink_to(card / "CamA")
    (card / "CamA" / "loop").symlink_to(card)
    (card / "broken.jpg").symlink_to(card / "nothing")
    found = Counter(kinds(card).values())
    assert found == {"picture": 1, "skipped": 5}


def test_a_pipe_with_a_pictures_name_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert kinds(tmp_path) == {"a.jpg": "skipped"}


def test_the_order_in_which_files_were_made_changes_nothing(tmp_path):
    names = [f"{cam}/IMG_{n:04}.JPG" for cam in "BA" for n in range(20)]
    for name in names:
        put(tmp_path / "one", name)
    for name in random.Random(7).sample(names, len(names)):
        put(tmp_path / "two", name)
    paths = [one.path for one in scan.scan(tmp_path / "one")]
    assert paths == [one.path for one in scan.scan(tmp_path / "two")] == sorted(names)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=255).filter(lambda raw: b"\0" not in raw))
def test_every_name_a_disk_can_hold_finds_its_way_back(raw):
    text = scan.path_text(os.fsdecode(raw))
    text.encode("utf-8")  # any database takes it
    assert os.fsencode(scan.os_path(text)) == raw


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_never_share_one_text(one, other):
    def fsencodable(name):
        try:
            return os.fsencode(name)
        except UnicodeEncodeError:
            return None

    if fsencodable(one) and fsencodable(other) and one != other:
        assert scan.path_text(one) != scan.path_text(other)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xc3\xa9.jpg", "café.jpg"),
        (b"caf\xe9.jpg", r"caf\xe9.jpg"),
        (rb"a\xe9.jpg", r"a\x5cxe9.jpg"),
        (b"new\nline 'quoted' \"twice\".jpg", "new\\x0aline 'quoted' \"twice\".jpg"),
        (b"e" * 251 + b".jpg", "e" * 251 + ".jpg"),
    ],
)
def test_odd_names_are_read_like_any_other(tmp_path, raw, text):
    path = os.path.join(os.fsencode(tmp_path), raw)
    try:
        with open(path, "wb") as file:
            file.write(picture())
    except OSError:
        pytest.skip("this file system refuses such a name")
    [found] = scan.scan(tmp_path)
    media, troubles = scan.read_media(tmp_path, found)
    assert (media.path, troubles) == (text, [])


def test_a_pictures_identity_is_its_bytes(tmp_path):
    data = picture()
    one, _ = read(tmp_path, "a/1.jpg", data)
    two, _ = read(tmp_path, "b/2.jpg", data)
    assert one.sha256 == two.sha256
    assert (one.size, one.width, one.height, one.mediatype) == (len(data), 64, 48, "image/jpeg")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.jpg", b"", "empty"),
        ("b.jpg", b"hello, I am a text", "not_a_picture"),
        ("c.jpg", bytes(5000), "not_a_picture"),
        ("d.jpg", b"\0\0\0\x18ftypmp42" + bytes(900), "not_a_picture"),
        ("e.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_a_picture"),
        ("f.jpg", b"\xff\xd8\xff\xe1", "unreadable"),
        ("g.jpg", picture()[:100], "unreadable"),
    ],
)
def test_what_is_no_picture_is_a_trouble_with_its_reason(tmp_path, name, data, reason):
    media, [trouble] = read(tmp_path, name, data)
    assert media is None
    assert (trouble.step, trouble.reason) == ("ingest", reason)


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that claims so many pixels a side."""
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    parts = (head, body, b"IEND")
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_decompression_bomb_is_told_by_its_header(tmp_path, monkeypatch):
    for guard in (Image.MAX_IMAGE_PIXELS, None):  # other libraries switch Pillow's guard off
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", guard)
        media, [trouble] = read(tmp_path, "a.png", bomb(60_000))
        assert (media, trouble.reason) == (None, "too_large")


def test_a_jpeg_of_more_scans_than_any_camera_writes_is_told_by_its_bytes(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    first, end = whole.index(b"\xff\xda"), whole.rindex(b"\xff\xd9")
    again = whole[:end] + whole[first:end] * 5000 + whole[end:]
    for name, data, told in (("a.jpg", whole, []), ("b.jpg", again, ["too_large"])):
        media, troubles = read(tmp_path, name, data)
        assert (media is None, [one.reason for one in troubles]) == (bool(told), told)


def test_a_large_panorama_is_no_bomb(tmp_path):
    media, troubles = read(tmp_path, "a.png", bomb(11_000))
    assert (media.width, troubles) == (11_000, [])


def test_an_animation_stays_a_picture_and_says_so(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for form, name in (("GIF", "a.jpg"), ("PNG", "b.png"), ("TIFF", "c.tif"), ("WEBP", "d.jpg")):
        file = io.BytesIO()
        frames[0].save(file, form, save_all=True, append_images=frames[1:])
        media, [trouble] = read(tmp_path, name, file.getvalue())
        assert (media.width, trouble.reason) == (8, "animated")
        assert media.mediatype == f"image/{form.lower()}"


def test_a_jpeg_with_a_preview_inside_is_an_ordinary_jpeg(tmp_path):
    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 48)), Image.new("RGB", (16, 12))]
    frames[0].save(file, "MPO", save_all=True, append_images=frames[1:])
    media, troubles = read(tmp_path, "a.jpg", file.getvalue())
    assert (media.mediatype, media.width, troubles) == ("image/jpeg", 64, [])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP"])
def test_kinds_of_pixels_that_cameras_and_scanners_write_are_pictures(tmp_path, form):
    for mode in ("L", "RGB", *(["CMYK"] if form in ("JPEG", "TIFF") else [])):
        file = io.BytesIO()
        Image.new(mode, (20, 10)).save(file, form)
        media, troubles = read(tmp_path, "a.jpg", file.getvalue())
        assert (media.width, media.height, troubles) == (20, 10, [])
    if form in ("PNG", "TIFF"):
        file = io.BytesIO()
        Image.new("I;16", (20, 10)).save(file, form)
        assert read(tmp_path, "a.jpg", file.getvalue())[0].width == 20


def test_a_truncated_picture_is_still_a_picture(tmp_path):
    data = picture(size=(800, 600), quality=95)
    media, troubles = read(tmp_path, "a.jpg", data[: len(data) // 2])
    assert (media.width, troubles) == (800, [])


def test_a_file_that_vanished_is_a_trouble_and_a_card_that_vanished_an_error(tmp_path):
    card = tmp_path / "card"
    put(card, "a.jpg", picture())
    [found] = scan.scan(card)
    (card / "a.jpg").unlink()
    _, [trouble] = scan.read_media(card, found)
    assert trouble.reason == "vanished"
    card.rmdir()
    with pytest.raises(CardError, match="the card was removed"):
        scan.read_media(card, found)


def test_a_damaged_file_never_raises_nor_takes_long(tmp_path, camera_trap):
    dice = random.Random(20261121)
    originals = camera_trap / "originals"
    wholes = [path.read_bytes() for path in sorted(originals.glob("*.[jJ]*"))]
    wholes += [picture(form) for form in ("PNG", "TIFF", "GIF", "WEBP")]
    slowest = 0.0
    for _ in range(400):
        data = bytearray(dice.choice(wholes)[: dice.choice((60, 3000, 20_000))])
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(min(len(data), 2500))] = dice.randrange(256)
        begun = time.perf_counter()
        media, troubles = read(tmp_path, "a.jpg", bytes(data))
        slowest = max(slowest, time.perf_counter() - begun)
        assert media or troubles
    assert slowest < 1.0


def test_every_real_picture_is_taken_without_trouble(camera_trap):
    found = scan.scan(camera_trap / "originals")
    read = [scan.read_media(camera_trap / "originals", one) for one in found]
    assert len(read) == 24
    assert all(media and not troubles for media, troubles in read)


# --- pictures whose names do not say so


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a.jfif",
            "a.pjpeg",
            "a.mpo",
            "a.webp",
            "a.bmp",
            "a.GIF",
            "a",
            "a.JPG ",
            "a.jpg.",
            "IMG.1",
        ),
        *("a.jpg_original", "a.jpg~", "a.JPG.bak", "a.jpeg?width=800", "a.jpg.download", "a.dat"),
        "IMG.1",
    ],
)
def test_a_picture_is_looked_at_whatever_its_ending(tmp_path, name):
    form = {"a.webp": "WEBP", "a.bmp": "BMP", "a.GIF": "GIF", "a.dat": "PNG"}.get(name, "JPEG")
    put(tmp_path, name, picture(form))
    [found] = scan.scan(tmp_path)
    media, problems = scan.read_media(tmp_path, found)
    assert (found.kind, media.width, problems) == ("picture", 64, [])
    assert media.mediatype == f"image/{form.lower()}"
    assert decode((tmp_path / name).read_bytes()).pixels.shape[2] == 3


@pytest.mark.parametrize("form", ["GIF", "WEBP", "BMP", "TIFF"])
def test_the_first_bytes_alone_tell_a_picture(tmp_path, form):
    put(tmp_path, "export.0001", picture(form))
    assert kinds(tmp_path) == {"export.0001": "picture"}


@pytest.mark.parametrize(
    "data",
    [b"BMW serviced, battery changed\n", b"BM", b"GIF", b"RIFF0000AVI LIST", b"", b"\xff\xd8"],
)
def test_what_only_begins_a_little_like_a_picture_is_another_file(tmp_path, data):
    put(tmp_path, "notes.txt", data)
    assert kinds(tmp_path) == {"notes.txt": "other"}


@pytest.mark.parametrize(
    ("name", "beside", "why"),
    [
        ("IMG_1.JPG_original", "IMG_1.JPG", "a second copy of IMG_1.JPG"),
        ("img_1.jpg.bak", "IMG_1.JPG", "a second copy of IMG_1.JPG"),
        ("IMG_1.jpg~", "IMG_1.jpg", "a second copy of IMG_1.jpg"),
        ("IMG_1.JPG.256x256.cache", "IMG_1.JPG", "a second copy of IMG_1.JPG"),
        ("MVI_1.THM", "MVI_1.AVI", "the thumbnail of MVI_1.AVI"),
        ("IMG_1.NEF", "IMG_1.JPG", "a raw file"),
        ("IMG_1.dng", "note.txt", "a raw file"),
    ],
)
def test_a_second_copy_is_left_out_and_says_of_what(tmp_path, name, beside, why):
    put(tmp_path, f"A/{name}", picture())
    put(tmp_path, f"A/{beside}", picture(size=(80, 60)))
    put(tmp_path, f"B/{beside}", b"in another folder")
    by_path = {file.path: file for file in scan.scan(tmp_path)}
    assert (by_path[f"A/{name}"].kind, by_path[f"A/{beside}"].why) == ("other", "")
    assert by_path[f"A/{name}"].why.startswith(why)


def test_a_picture_left_out_is_a_problem_of_the_card(tmp_path):
    put(tmp_path, "IMG_1.JPG", picture())
    put(tmp_path, "IMG_1.JPG_original", picture(size=(80, 60)))
    card = read_card(RunOptions(card=str(tmp_path)))
    [problem] = card.problems
    assert (problem.path, problem.reason) == ("IMG_1.JPG_original", "left_out")
    assert card.counted() == "2 files: 1 other, 1 picture, 1 left_out"


def test_heic_that_cannot_be_read_says_what_to_install(tmp_path):
    put(tmp_path, "a.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    [found] = scan.scan(tmp_path)
    assert found.kind == "picture" if scan.heic() else "camtriage[heic]" in found.why


def test_heic_under_the_name_of_a_jpeg_says_what_to_install_or_is_read(tmp_path):
    put(tmp_path, "a.JPG", heic(Image.Exif()))
    media, problems = scan.read_media(tmp_path, *scan.scan(tmp_path))
    if scan.heic():
        assert media is not None and (media.width, media.mediatype) == (64, "image/heif")
    else:
        assert [one.reason for one in problems] == ["left_out"]
        assert "camtriage[heic]" in problems[0].detail


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "AVIF"])
def test_a_picture_of_which_the_beginning_alone_is_left_is_damaged_and_not_something_else(
    tmp_path, form
):
    put(tmp_path, "a.jpg", picture(form)[:40])
    _, [problem] = scan.read_media(tmp_path, *scan.scan(tmp_path))
    assert problem.reason in ("unreadable", "left_out"), problem


def test_a_picture_file_larger_than_any_picture_is_a_file_problem_and_never_read(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(500 << 20)
    [found] = scan.scan(tmp_path)
    begun = time.process_time()
    media, [problem] = scan.read_media(tmp_path, found)
    assert media is None and (problem.reason, problem.detail) == ("too_large", "524288000 bytes")
    assert time.process_time() - begun < 0.05


def test_folders_deeper_than_a_path_can_say_are_one_short_line(tmp_path):
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(2200):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    with pytest.raises(CardError, match="too deep for any program") as why:
        scan.scan(tmp_path)
    assert len(str(why.value)) < 400
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # pytest's own cannot go as deep
