"""An evaluation as one page that needs nothing else, and its tables beside it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.records import Detection
from pipeline.report.day import shows_people
from pipeline.report.evaluation_plots import blank_plot, call_plot, reliability_plot
from pipeline.report.page import environment, open_thumbnail
from pipeline.tables.writer import write_table
from pipeline.trust.evaluation import HITS, KINDS, Evaluation, Part, Picture
from pipeline.trust.measure import Share

MOST_NAMES = 12  # true names, and stated ones, in the matrix of the page
MOST_ROWS = 60  # species and deployments on the page; the tables have all
LEARNED = "learned from reviews"  # what a model is
THUMBNAIL = 160  # pixels, shorter side
PART = ("pictures", "not_blank", "kept", "low", "high", "blanks_removed", "low", "high", "auc")


@dataclass(frozen=True, slots=True)
class Used:
    """What made the results of some pictures."""

    pictures: int
    models: tuple[tuple[str, str, str], ...]  # what, name, sha-256
    threshold: float | None  # for blanks; None: the frame model's own
    certificate: str | None
    label_set: str | None
    bars: Mapping[str, float]  # the study's own, for names


@dataclass(frozen=True, slots=True)
class Judged:
    """What a page says."""

    source: str  # of the truth
    chosen: bool  # people chose what they reviewed: no fair sample
    found: Evaluation
    pictures: tuple[Picture, ...]
    left_out: Mapping[str, int]
    used: tuple[Used, ...]
    boxes: Mapping[str, tuple[Detection, ...]]  # by sha-256


def write_evaluation(
    judged: Judged, folder: Path, pixelate_bar: float, show_people: bool = False
) -> list[Path]:
    """Write evaluation.html and the tables; the same data give the same bytes.

    pixelate_bar  p_human from which a picture may show a person
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "evaluation.html"
    page.write_text(_html(judged, pixelate_bar, show_people), "utf-8", newline="")
    return [page, *(_table(folder, name, head, rows) for name, head, rows in _tables(judged))]


def _table(
    folder: Path, name: str, head: Sequence[object], rows: Iterable[Iterable[object]]
) -> Path:
    path = folder / f"{name}.csv"
    write_table(path, head, rows, mark=True)
    return path


def _html(judged: Judged, pixelate_bar: float, show_people: bool) -> str:
    found = judged.found
    names, stated = _most(found.names)
    env = environment()
    env.filters |= {"interval": interval}
    return env.get_template("evaluation.html").render(
        judged=judged,
        found=found,
        used=judged.used,
        taught=any(part == LEARNED for each in judged.used for part, _, _ in each.models),
        blank_svg=blank_plot(found.blank_curve) if found.blank_curve else None,
        call_svg=call_plot(found.call_curves) if found.call_curves else None,
        reliability_svg=reliability_plot(found.reliability) if found.reliability else None,
        kinds=KINDS,
        hits=HITS,
        columns=[*KINDS, *sorted({c for _, c in found.confusion} - {*KINDS})],
        truth=Counter(p.kind for p in judged.pictures),
        true_names=names,
        stated_names=stated,
        most=MOST_ROWS,
        worst=[
            (title, [_shot(p, judged, pixelate_bar, show_people) for p in some])
            for title, some in found.worst.items()
        ],
    )  # fmt: skip


def interval(share: Share) -> str:
    """.93 [.88, .97], without the interval where there is none; a dash without a picture."""
    if not share.n:
        return "–"
    text = f"{share.share:.2f}"
    return f"{text} [{share.low:.2f}, {share.high:.2f}]" if share.has_interval else text


def _most(names: Mapping[tuple[str, str], int]) -> tuple[list[str], list[str]]:
    """The true names and the stated ones with most pictures."""
    true, stated = Counter[str](), Counter[str]()
    for (name, said), count in names.items():
        true[name] += count
        stated[said] += count
    return (
        [name for name, _ in true.most_common(MOST_NAMES)],
        [name for name, _ in stated.most_common(MOST_NAMES)],
    )


def _shot(
    picture: Picture, judged: Judged, bar: float, show_people: bool
) -> tuple[str | None, Picture, str]:
    """(thumbnail or None where the picture is away, picture, what is wrong in words)."""
    people = shows_people(picture.p_human, picture.kind, bar) or picture.called == "human"
    small = open_thumbnail(
        Path(picture.root), picture.path, THUMBNAIL, people and not show_people,
        judged.boxes.get(picture.sha256, ()),
    )  # fmt: skip
    true = ", ".join(sorted(picture.names)) or picture.kind
    called = picture.name or picture.called
    numbers = (
        f"p_blank {picture.p_blank:.2f}, p_human {picture.p_human:.2f}, "
        f"p_vehicle {picture.p_vehicle:.2f}"
    )
    sure = f" ({picture.probability:.2f})" if picture.probability is not None else ""
    return small, picture, f"is {true}, called {called}{sure}; {numbers}"


def _tables(judged: Judged) -> Iterator[tuple[str, Sequence[object], Iterable[Iterable[object]]]]:
    found = judged.found
    named = ("named", "low", "high", "names_below_class", "true", "low", "high")
    ways = [column for hit in HITS[1:] for column in (hit.replace(" ", "_"), "low", "high")]
    parts = [("all", found.whole)]
    parts += [("deployment", part) for part in found.deployments]
    parts += [("light", part) for part in found.lights]
    yield (
        "parts",
        ("what", "name", *PART, *named, *ways),
        (_part(what, part) for what, part in parts),
    )
    yield (
        "kinds",
        ("kind", "pictures", "places", "called", "low", "high", "others", "falsely", "low", "high"),
        (
            (k.name, k.pictures, k.places, *_three(k.called), k.false.n, *_three(k.false))
            for k in found.kinds
        ),
    )
    yield (
        "species",
        ("scientific_name", "pictures", "places", "kept", "low", "high", *named, "most_often",
         *ways),
        (
            (s.name, s.pictures, s.places, *_three(s.kept), *_three(s.named["right"]),
             s.true.n, *_three(s.true), s.instead, *_ways(s.named))
            for s in found.species
        ),
    )  # fmt: skip
    yield "confusion", ("true", "called", "pictures"), _counts(found.confusion)
    yield "names", ("true", "stated", "pictures"), _counts(found.names)
    curves = [*([found.blank_curve] if found.blank_curve else []), *found.call_curves]
    yield (
        "curves",
        ("of", "threshold", "found_or_kept", "falsely_called_or_blanks_removed"),
        (
            (curve.name, round(at, 6), round(one, 6), round(other, 6))
            for curve in curves
            for at, one, other in zip(curve.at, curve.found, curve.other, strict=True)
        ),
    )
    bins = found.reliability.bins if found.reliability else ()
    yield (
        "reliability",
        ("names", "mean_probability", "true", "low", "high"),
        ((b.names, round(b.probability, 4), *_three(b.true)) for b in bins),
    )
    yield (
        "pictures",
        ("media_id", "deployment_id", "station", "path", "light", "true", "true_names", "hidden",
         "decided_by", "p_blank", "p_human", "p_vehicle", "called", "name", "rank", "probability",
         "name_is_true", "met"),
        (
            (p.sha256, p.deployment, p.station, p.path, p.light, p.kind, "; ".join(sorted(p.names)),
             _word(p.hidden), p.decided_by, p.p_blank, p.p_human, p.p_vehicle, p.called, p.name,
             p.rank, p.probability, _word(p.true), p.hit)
            for p in judged.pictures
        ),
    )  # fmt: skip


def _part(what: str, part: Part) -> tuple[object, ...]:
    auc = round(part.auc, 4) if part.auc == part.auc else None
    return (
        what, part.name, part.pictures, part.shown, *_three(part.kept), *_three(part.removed), auc,
        *_three(part.named["right"]), part.true.n, *_three(part.true), *_ways(part.named),
    )  # fmt: skip


def _ways(named: Mapping[str, Share]) -> Iterator[float | None]:
    """All but the right ones, which have a column of their own."""
    return (value for hit in HITS[1:] for value in _three(named[hit]))


def _three(share: Share) -> tuple[float | None, ...]:
    """The share and its interval; empty cells where there is none."""
    values = share.share, share.low, share.high
    return tuple(round(value, 4) if value == value else None for value in values)


def _counts(found: Mapping[tuple[str, str], int]) -> Iterable[tuple[object, ...]]:
    return ((*pair, count) for pair, count in sorted(found.items()))


def _word(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"
