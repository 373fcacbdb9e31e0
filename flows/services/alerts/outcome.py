"""What came of sending an alert."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Outcome:
    """sent; else `again`: it may pass later, or not: it never will as it stands."""

    sent: bool
    words: str = ""  # of the receiver, where it was not sent
    again: bool = False
    retry_after_s: float | None = None  # as the receiver asks
    receipt: str | None = None  # the receiver's own name for it


def sent(receipt: str | None = None) -> Outcome:
    return Outcome(True, receipt=receipt)


def later(words: str, retry_after_s: float | None = None) -> Outcome:
    return Outcome(False, words, again=True, retry_after_s=retry_after_s)


def refused(words: str) -> Outcome:
    return Outcome(False, words)


def of_answer(answer: "httpx.Response", receipt: str | None = None) -> Outcome:
    """What an HTTP answer says: 409 is success (it is there already), a wrong key or address may
    be put right (401, 403, 404), a wrong message never (other 4xx)."""
    code = answer.status_code
    if answer.is_success or code == 409:
        return sent(receipt)
    words = f"HTTP {code} {answer.reason_phrase}: {_told(answer)}".rstrip(": ")
    if code in (401, 403, 404, 408, 425, 429) or code >= 500 or answer.is_redirect:
        return later(words, _retry_after(answer.headers.get("Retry-After")))
    return refused(words)


def _told(answer: "httpx.Response") -> str:
    """The words of an error's body, whatever it is wrapped in."""
    try:
        return ", ".join(_words(answer.json(), 0))
    except (ValueError, RecursionError):
        return answer.text[:200]


def _words(value: object, depth: int) -> list[str]:
    if depth > 8 or value is None or isinstance(value, bool | int | float):
        return []
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [word for part in inside for word in _words(part, depth + 1)]


def _retry_after(text: str | None) -> float | None:
    """Seconds; the header has them or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC if at.tzinfo else None)).total_seconds())
