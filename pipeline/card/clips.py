"""What a camera wrote into a clip: its start, length and size, from the container alone."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from pipeline.card import clock
from pipeline.card.clock import TimeText
from pipeline.frames.clip import about
from pipeline.records import FileProblem, Found, Media

LOCAL = ("com.apple.quicktime.creationdate", "com.android.creation_time")  # with an offset
OFFSETS = ("com.samsung.android.utc_offset", "com.android.utc_offset")  # beside a time in UTC
LONGEST_TEXT = 200  # characters


def media(data: bytes, found: Found, file_date: bool) -> tuple[Media, list[FileProblem]]:
    """The Media of a clip. Raises UnreadablePicture."""
    clip = about(data)
    written = {key.lower(): text for key, text in clip.written.items()}
    times = _times(written, found.path, found.modified_at if file_date else None)
    taken_at, source, text = clock.believe(times)
    return (
        Media(
            sha256=hashlib.sha256(data).hexdigest(),
            path=found.path,
            size=len(data),
            mediatype=clip.mediatype,
            width=clip.width,
            height=clip.height,
            taken_at=taken_at,
            clock=source,
            time_text=text,
            utc_offset_min=_offset(written) if source == "container" else None,
            make=_text(written, "com.apple.quicktime.make", "make", "com.android.manufacturer"),
            model=_text(written, "com.apple.quicktime.model", "model", "com.android.model"),
            duration_s=clip.duration_s,
            frame_rate=clip.frame_rate,
        ),
        [],
    )


def _times(written: Mapping[str, str], path: str, modified_at: float | None) -> Iterator[TimeText]:
    """Every source's start of the clip, the most trusted first.

    A container's time is in UTC by the rule of MP4, and in the camera's own time in most trail
    cameras. So the file's name comes before one without an offset.
    """
    yield TimeText("container", _local(written))
    yield TimeText("file_name", clock.from_name(path))
    plain = written.get("creation_time") or written.get("date", "")
    yield TimeText("container", plain.removesuffix("Z"))
    if modified_at is not None:
        yield TimeText("file_date", clock.from_seconds(modified_at))


def _local(written: Mapping[str, str]) -> str:
    """The local time, where the container has an offset; else ''."""
    for name in LOCAL:
        if clock.offset_in(_with_colon(written.get(name, ""))):
            return _with_colon(written[name])
    utc, offset = clock.parse(written.get("creation_time", "")), _offset(written)
    if utc is None or offset is None:
        return ""
    return f"{utc + timedelta(minutes=offset):%Y-%m-%dT%H:%M:%S}{clock.offset_text(offset)}"


def _offset(written: Mapping[str, str]) -> int | None:
    """Minutes east of Greenwich."""
    given = [clock.offset_in(_with_colon(written.get(name, ""))) for name in LOCAL]
    given += [_with_colon(written.get(name, "")) for name in OFFSETS]
    return next(
        (found for text in given if (found := clock.offset_minutes(text)) is not None), None
    )


def _with_colon(text: str) -> str:
    """+0200 as +02:00."""
    return re.sub(r"([-+]\d\d)(\d\d)$", r"\1:\2", text.strip())


def _text(written: Mapping[str, str], *names: str) -> str | None:
    """The first of these that says something, as one printable line."""
    for name in names:
        said = "".join(letter for letter in written.get(name, "") if letter.isprintable())
        if said.strip():
            return said[:LONGEST_TEXT].strip()
    return None
