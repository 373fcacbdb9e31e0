"""Every file of a card, by kind; and one picture's or clip's bytes made a Media, read once.

A file's ending tells its kind; one with an ending that nobody knows, or none, is asked for its
first bytes: web sites hand out .jfif, tools rename to .JPG_original, hands lose an ending.
A card that cannot be read completely fails as a whole: half a card would look like few animals.
"""

import errno
import hashlib
import io
import os
import re
import stat
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pipeline.card import clips, exif
from pipeline.errors import CardError, UnreadablePicture
from pipeline.frames.clip import video
from pipeline.frames.decode import LARGEST, avif, formats, heic
from pipeline.records import FileProblem, Found, Media

# Pillow warns of bombs and odd EXIF; both end as file problems or missing values. Once
# for the process: to switch warnings off and on around each file is not safe with several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

PICTURES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo"),
    *(".png", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif"),
}
HEIC = {".heic", ".heif", ".hif"}  # pictures only where the extra `heic` is installed
RAW = {  # as the sensor gave it: Pillow shows at most the small preview inside
    *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".dng", ".orf", ".rw2"),
    *(".raf", ".pef", ".srw", ".x3f", ".3fr", ".iiq", ".rwl", ".gpr"),
}
VIDEOS = {
    *(".mp4", ".m4v", ".mov", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp", ".asf", ".wmv"),
    *(".mkv", ".webm", ".flv", ".mjpg", ".h264", ".tls"),  # .TLS: Browning's time-lapse AVI
}
SKIPPED = {  # what computers leave behind, never what a camera took; compared in lower case
    *(".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".spotlight-v100", ".fseventsd"),
    *(".temporaryitems", ".documentrevisions-v100", ".trashes", ".trash", ".appledouble"),
    *("system volume information", "$recycle.bin", "recycler", "recycled", "lost+found"),
    *("@eadir", "#recycle", "#snapshot", ".thumbnails", "__macosx"),
}
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"II*\0", b"MM\0*")  # of the kinds we take
BMP = re.compile(
    rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}", re.DOTALL
)  # "BM" alone is text
HEIF = re.compile(rb".{4}ftyp(hei[cxms]|hev[cx]|mif1)", re.DOTALL)
AVIF = re.compile(rb".{4}ftypavi[fs]", re.DOTALL)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # they end lines, or command terminals
NO_HEIC = "HEIC: pip install 'camtriage[heic]', and run the card again"
NO_AVIF = "AVIF, which this Pillow cannot read: save it as JPEG"
LARGEST_PICTURE = 400_000_000  # bytes; a picture is read into memory as a whole, a few at a time
LARGEST_CLIP = 1 << 30  # bytes
LONGEST_SHOWN = 200  # characters of a path in a message
MOST_SCANS = 200  # of a JPEG: progressive ones have about ten, and thousands take minutes
_SCAN = b"\xff\xda\0"  # how each begins; its bytes stand nowhere else in a JPEG's pixels


def scan(root: Path) -> list[Found]:
    """Every file below `root`, sorted by path, whatever order the folder lists them in.

    Links are counted as skipped and not followed: one that leads out is not of this card, and the
    target of one that stays inside is found at its own place. Raises CardError.
    """
    root = Path(root)
    try:
        if not stat.S_ISDIR(os.stat(root).st_mode):
            raise CardError(f"{root}: not a folder; give the folder that holds the pictures")
    except FileNotFoundError as why:
        raise CardError(f"{root}: no such folder; is the card mounted?") from why
    except OSError as why:
        raise CardError(f"{root}: {why.strerror}; check the card and your rights to it") from why
    found: list[Found] = []
    folders = [""]
    while folders:
        _list(os.fspath(root), folders.pop(), found, folders)
    return _without_copies(sorted(found, key=lambda file: file.path))


def _list(root: str, folder: str, found: list[Found], folders: list[str]) -> None:
    """Add the files of `folder` to `found` and its folders to `folders`, all relative to `root`."""
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode) and not by_a_computer(entry.name):
                    folders.append(path)
                    continue
                kind, left_out = _kind(entry.name, info, entry.path)
                found.append(Found(path_text(path), kind, info.st_size, info.st_mtime, left_out))
    except OSError as why:
        place = str(why.filename or os.path.join(root, folder))
        shown = place if len(place) <= LONGEST_SHOWN else f"{place[:LONGEST_SHOWN]}..."
        if why.errno == errno.ENAMETOOLONG:
            raise CardError(
                f"{shown}: folders in folders, too deep for any program; nothing of this card was "
                "taken: move what is in them up, or delete them, then run again"
            ) from why
        raise CardError(
            f"{shown}: {why.strerror or why}; nothing of this card was taken: check cable, reader "
            "and rights, then run again"
        ) from why


def to_look_at(file: Found) -> bool:
    """A picture, or a clip where those can be read."""
    return file.kind == "picture" or (file.kind == "video" and video())


def is_picture(place: Path) -> bool:
    """Whether a file is taken for a picture, by its ending or its first bytes."""
    try:
        return _kind(place.name, place.stat(), os.fspath(place))[0] == "picture"
    except FileNotFoundError:
        return False  # it was moved meanwhile


def by_a_computer(name: str) -> bool:
    name = name.lower()
    return name in SKIPPED or name.startswith(("._", ".trash-"))


def _kind(name: str, info: os.stat_result, place: str) -> tuple[str, str]:
    """One of records.KINDS, and why a file that holds a picture is left out all the same.

    Links, pipes and devices are skipped: opening a pipe waits for ever.
    """
    if not stat.S_ISREG(info.st_mode) or by_a_computer(name):
        return "skipped", ""
    ending = _ending(name)
    if known := by_ending(name):
        return known, ""
    if ending in RAW:
        return "other", "a raw file: save it as JPEG, and put that on the card"
    begin = _first_bytes(place) if info.st_size else b""
    if lacks := _lacks(begin):
        return "other", lacks
    return ("picture" if _is_picture(begin) else "other"), ""


def by_ending(path: str) -> str:
    """picture or video where a file's ending tells it, else ''."""
    ending = _ending(path)
    if ending in PICTURES or (ending in HEIC and heic()):
        return "picture"
    return "video" if ending in VIDEOS else ""


def _ending(name: str) -> str:
    """In lower case, without the blanks and dots that hands and web sites leave behind it."""
    return os.path.splitext(name.rstrip(" ."))[1].lower()


def _first_bytes(place: str) -> bytes:
    try:
        with open(place, "rb") as file:
            return file.read(32)
    except OSError:
        return b""  # no picture's name, and it cannot be opened: counted as another file


def _lacks(begin: bytes) -> str:
    """What is missing here to read a picture that begins so; empty: nothing."""
    if HEIF.match(begin) and not heic():
        return NO_HEIC
    return NO_AVIF if AVIF.match(begin) and not avif() else ""


def _is_picture(begin: bytes) -> bool:
    webp = begin[:4] == b"RIFF" and begin[8:12] == b"WEBP"
    heif = HEIF.match(begin) or AVIF.match(begin)
    return begin.startswith((*MAGIC, b"GIF8")) or webp or bool(BMP.match(begin) or heif)


def _without_copies(found: list[Found]) -> list[Found]:
    """Second copies left out, each with its reason: to count them would double an event.

    IMG_1.JPG_original, IMG_1.jpg~ and IMG_1.JPG.bak beside IMG_1.JPG are that picture before an
    edit; IMG_1.THM beside IMG_1.AVI is its thumbnail.
    """
    odd = {file.path.rpartition("/")[0] for file in found if _is_odd(file)}
    beside: dict[str, dict[str, str]] = {folder: {} for folder in odd}  # plain name -> name
    for file in found if odd else ():
        folder, _, name = file.path.rpartition("/")
        if folder in odd and file.kind in ("picture", "video") and not _is_odd(file):
            beside[folder][name.lower()] = name
    return [
        replace(file, kind="other", why=why) if (why := _copy_of(file, beside)) else file
        for file in found
    ]


def _is_odd(file: Found) -> bool:
    """A picture by its first bytes alone."""
    return file.kind == "picture" and _ending(file.path) not in PICTURES | HEIC


def _copy_of(file: Found, beside: Mapping[str, Mapping[str, str]]) -> str:
    """What a picture with an odd ending is a copy of, in words; empty: of nothing."""
    if not _is_odd(file):
        return ""
    folder, _, name = file.path.rpartition("/")
    name, others = name.lower(), beside[folder]
    for end in range(len(name) - 1, 0, -1):
        if of := others.get(name[:end]):
            return f"a second copy of {of}"
    stem, ending = os.path.splitext(name)
    for other, of in others.items() if ending == ".thm" else ():
        if os.path.splitext(other)[0] == stem and _ending(other) in VIDEOS:
            return f"the thumbnail of {of}"
    return ""


def path_text(os_path: str | Path) -> str:
    """A path as text that every database takes and that is one line wherever it is printed.

    Bytes that are not UTF-8, control characters and backslashes become `\\xNN`; os_path finds the
    way back.
    """
    path = os.fspath(os_path)
    if os.sep != "/":
        path = path.replace(os.sep, "/")
    text = os.fsencode(path).replace(b"\\", rb"\x5c").decode("utf-8", "backslashreplace")
    return CONTROLS.sub(lambda m: "".join(f"\\x{byte:02x}" for byte in m[0].encode()), text)


def os_path(text: str) -> str:
    """The path that the operating system knows, from path_text's form."""
    raw = text.encode("utf-8", "surrogatepass")
    return os.fsdecode(re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), raw))


def read_media(
    root: Path, found: Found, file_date: bool = False
) -> tuple[Media | None, list[FileProblem]]:
    """Read one picture's or clip's bytes once: identity, header and what the camera wrote into it.

    A file that is neither gives no Media and one FileProblem. Pixels are not decoded here, so a
    missing end shows only when the picture is scored. Raises CardError when the card is gone.
    """
    of_kind = clips.media if found.kind == "video" else _media
    try:
        return of_kind(_bytes(root, found), found, file_date)
    except UnreadablePicture as why:
        return None, [FileProblem(found.path, "ingest", why.reason, why.detail)]


def _bytes(root: Path, found: Found) -> bytes:
    if found.size > (LARGEST_CLIP if found.kind == "video" else LARGEST_PICTURE):
        raise UnreadablePicture("too_large", f"{found.size} bytes")
    try:
        data = (Path(root) / os_path(found.path)).read_bytes()
    except OSError as why:
        _still_there(root)
        gone = isinstance(why, FileNotFoundError)
        raise UnreadablePicture(
            "vanished" if gone else "unreadable", why.strerror or str(why)
        ) from why
    if not data:
        raise UnreadablePicture("empty", "no bytes")
    return data


def _still_there(root: Path) -> None:
    """CardError where the card was pulled out: one error, not ten thousand unreadable pictures."""
    try:
        os.listdir(root)
    except OSError as why:
        raise CardError(
            f"{root}: the card was removed while it was read ({why.strerror}); put it back and run "
            "again, nothing is lost"
        ) from why


def _media(data: bytes, found: Found, file_date: bool) -> tuple[Media, list[FileProblem]]:
    with _opened(data) as image:
        width, height = image.size
        if width * height > LARGEST:
            raise UnreadablePicture("too_large", f"{width} x {height} pixels")
        if (times := scans(data)) > MOST_SCANS:
            raise UnreadablePicture("too_large", f"a JPEG of {times} scans")
        written = exif.read(image, found.path, found.modified_at if file_date else None)
        kind = "image/jpeg" if image.format == "MPO" else Image.MIME[image.format or ""]
        problems = []
        if _animated(image):
            detail = "several frames; the first is used"
            problems.append(FileProblem(found.path, "ingest", "animated", detail))
    media = Media(
        sha256=hashlib.sha256(data).hexdigest(),
        path=found.path,
        size=len(data),
        mediatype=kind,
        width=width,
        height=height,
        **written,
    )
    return media, problems


def scans(data: bytes) -> int:
    """How many times a decoder goes through a JPEG's pixels; 0 for other pictures."""
    return data.count(_SCAN) if data.startswith(MAGIC[0]) else 0


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=formats())
    except Image.DecompressionBombError as why:
        raise UnreadablePicture("too_large", str(why)) from why
    except UnidentifiedImageError as why:
        if lacks := _lacks(data):
            raise UnreadablePicture("left_out", lacks) from why
        if _is_picture(data):
            raise UnreadablePicture("unreadable", "the picture's header is damaged") from why
        what = "only zero bytes" if not data.strip(b"\0") else "no picture inside"
        raise UnreadablePicture("not_a_picture", what) from why
    except Exception as why:  # a decoder may raise anything on hostile bytes: a file problem
        raise UnreadablePicture("unreadable", f"{type(why).__name__}: {why}") from why


def _animated(image: Image.Image) -> bool:
    """More than one frame. Multi-picture JPEG (MPO) is how cameras store a preview: a JPEG."""
    if image.format in ("JPEG", "MPO", "BMP"):
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # a damaged second frame: the first is what counts
        return False
