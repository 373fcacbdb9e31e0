"""Another program's names in place of our labeller's: a label recipe of their own, beside ours.

A file is read once in a run. Later its names are chosen by the program's name alone: they are in
the database, and their recipe holds the taxonomy that names of visits are made of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import CHUNK, chunks
from db.store.batches import label_recipes, read_recipe
from db.store.labels import save_labels
from db.store.media import media_of
from db.store.scores import frame_scores_named
from flows.execution.databases import known_database, ready_database
from flows.execution.ways import Progress
from flows.run_options import NamingOptions, StartedRun
from flows.steps.boxes import changed_at_and_size
from flows.steps.recipes import label_recipe
from pipeline.errors import SettingsError
from pipeline.exchange.answers.read import Answers, read_answers
from pipeline.exchange.matching import Matched, match
from pipeline.settings import Settings
from pipeline.species.answers import Answer, Bars, Taxa, known_words, label_of
from pipeline.species.labelset import load_labelset

ANSWERS_VERSION = 1  # raise when the code changes which names come out of a file
MOST_WORDS = 5  # of classes without a taxon, in a warning
_ONE_AT_A_TIME = Lock()  # threads that ask at once would read the file as often


def check_answers(options: NamingOptions) -> None:
    """SettingsError in one line for a file that is none, or options that do not go together."""
    if options.answers is None:
        return
    if options.sites:
        raise SettingsError(
            "--answers with --sites: another program's names are taken as they are; "
            "leave --sites out"
        )
    if _is_file(options.answers):
        _answers(options)


def refuse_foreign_answers(options: NamingOptions, paths: Iterable[str]) -> None:
    """SettingsError where no entry of the file is a picture of this card."""
    if options.answers is None or not _is_file(options.answers):
        return
    answers, ours = _answers(options), list(paths)
    names = {**answers.by_file, **dict.fromkeys(answers.failed)}
    if not match(names, ours).found:
        raise SettingsError(
            f"{options.answers}: none of its {len(names)} entries is a picture of this card (it "
            f"has {next(iter(names))}, the card {ours[0] if ours else 'no picture'}): nothing was "
            "saved; give the answers on this card, made from its folder or from one above or below"
        )


def naming_recipe(
    conn: Connection,
    batch_id: int,
    look: Mapping[str, Any],
    options: NamingOptions,
    settings: Settings,
) -> dict[str, Any]:
    """The label recipe that these options ask for; look: the recipe of the batch's scores."""
    if options.answers is None:
        return label_recipe(dict(look), options, settings, load_labelset(options.labels))
    return answers_recipe(conn, batch_id, look, options, settings)


def source_of(recipe: Mapping[str, Any]) -> str | None:
    """Whose names a label recipe holds; None: our labeller's."""
    source: str | None = recipe.get("answers", {}).get("name")
    return source


def answers_recipe(
    conn: Connection,
    batch_id: int,
    look: Mapping[str, Any],
    options: NamingOptions,
    settings: Settings,
) -> dict[str, Any]:
    """The label recipe of a file's names, or the stored one of a program.

    Raises SettingsError where the batch has no such answers.
    """
    assert options.answers
    if not _is_file(options.answers):
        return _stored(conn, batch_id, look, options.answers)
    answers = _answers(options)
    own = settings.labels
    bars = Bars(
        answers.bars.species if own.species_bar is None else own.species_bar,
        answers.bars.group if own.group_bar is None else own.group_bar,
    )
    return {
        "version": ANSWERS_VERSION,
        "look": look,
        "answers": {
            "program": answers.program,
            "name": answers.source,
            "sha256": answers.sha256,
            "bars": asdict(bars),
            "taxa": {name: [*map(list, chain)] for name, chain in sorted(answers.taxa.items())},
        },
        "visit_gap_s": settings.windows.visit_gap_s,
    }


def _stored(
    conn: Connection, batch_id: int, look: Mapping[str, Any], program: str
) -> dict[str, Any]:
    stored = [
        recipe for recipe in label_recipes(conn, batch_id) if recipe.get("answers")
    ]  # the newest first
    named = [r for r in stored if r["answers"]["program"] == program.casefold()]
    if fitting := [recipe for recipe in named if recipe["look"] == look]:
        return dict(fitting[0])
    if named:
        raise SettingsError(
            f"--answers {program}: its names were matched before the pictures were scored again; "
            "give its file"
        )
    known = ", ".join(sorted({recipe["answers"]["program"] for recipe in stored})) or "none"
    raise SettingsError(
        f"--answers {program}: no such file, and no answers of that program on this batch "
        f"(here: {known})"
    )


def answers_of(conn: Connection, recipe_id: int) -> dict[str, Any] | None:
    """What a label recipe holds of another program's answers; None: it is our labeller's."""
    found: dict[str, Any] | None = read_recipe(conn, recipe_id).get("answers")
    return found


def taxa_in(answers: Mapping[str, Any]) -> Taxa:
    """The taxonomy that a recipe holds."""
    return {
        name: tuple((rank, above) for rank, above in chain)
        for name, chain in answers["taxa"].items()
    }


def label_by_answers(
    options: NamingOptions,
    run: StartedRun,
    answers: Mapping[str, Any],
    tell: Progress | None = None,
) -> None:
    """Save the answers on every kept picture as its label."""
    assert options.answers
    if not _is_file(options.answers):
        raise SettingsError(
            f"--answers {options.answers}: the card has new pictures since; give its file"
        )
    found = _matched(options, run.batch_id).found
    taxa, bars, source = taxa_in(answers), Bars(**answers["bars"]), answers["name"]
    with reading(ready_database(options.database)) as conn:
        media = media_of(conn, run.batch_id)  # of this card alone: paths come back on the next
    for done, part in enumerate(chunks(media), 1):
        with reading(ready_database(options.database)) as conn:
            scores = frame_scores_named(conn, run.look, [picture.sha256 for picture in part])
        labels = [
            label_of(picture.sha256, found.get(picture.path), taxa, bars, source)
            for picture in part
            if picture.sha256 in scores and scores[picture.sha256].state == "kept"
        ]
        with writing(ready_database(options.database)) as conn:
            save_labels(conn, run.label, labels)
        if tell:
            tell(min(done * CHUNK, len(media)), len(media))


def answers_warnings(options: NamingOptions, run: StartedRun) -> tuple[str, ...]:
    """One line about answers that match no picture, pictures without, and names left out."""
    path = options.answers
    if path is None or not _is_file(path):
        return ()
    answers, fit = _answers(options), _matched(options, run.batch_id)
    hidden, unanswered = _unused(options, run, fit)
    words = ", ".join(f"{word} ({n})" for word, n in [*answers.unnamed.items()][:MOST_WORDS])
    counts = {
        "entries match no picture": len(fit.unknown),
        "pictures are not in it": len(fit.missing),
        "entries failed there": len(answers.failed),
        "entries have no name": answers.nameless,
        "entries stand there twice (the later counts)": answers.twice,
        "pictures with a name there are blank here (--boxes takes its word on that)": hidden,
        "kept pictures have no answer and are unknown": unanswered,
        f"entries name no taxon that is known: {words}": sum(answers.unnamed.values()),
    }
    counted = [f"{n} {what}" for what, n in counts.items() if n]
    _read.cache_clear()  # a season's file has hundreds of megabytes
    return (f"{path}: {', '.join(counted)}.",) if counted else ()


def _unused(options: NamingOptions, run: StartedRun, fit: Matched[Answer]) -> tuple[int, int]:
    """Pictures that are blank here and not there; kept ones without an answer."""
    hidden = unanswered = 0
    with reading(known_database(options.database)) as conn:
        for part in chunks(media_of(conn, run.batch_id)):
            scores = frame_scores_named(conn, run.look, [picture.sha256 for picture in part])
            for picture in part:
                state = scores[picture.sha256].state if picture.sha256 in scores else None
                answer = fit.found.get(picture.path)
                named = answer is not None and answer.observation_type not in ("blank", "unknown")
                hidden += state == "blank" and named
                unanswered += state == "kept" and answer is None
    return hidden, unanswered


def _is_file(answers: str) -> bool:
    """A path, not a program's name: it is there, or is written as one."""
    return Path(answers).exists() or "/" in answers or "\\" in answers or "." in answers


def _matched(options: NamingOptions, batch_id: int) -> Matched[Answer]:
    assert options.answers
    with _ONE_AT_A_TIME:
        return _fit(
            options.answers,
            options.labels,
            options.database,
            batch_id,
            *changed_at_and_size(options.answers),
        )


@lru_cache(maxsize=2)
def _fit(
    path: str, labels: str, database: str, batch_id: int, changed_at: int, size: int
) -> Matched[Answer]:
    with reading(known_database(database)) as conn:
        ours = [picture.path for picture in media_of(conn, batch_id)]
    return match(_read(path, labels, changed_at, size).by_file, ours)


def _answers(options: NamingOptions) -> Answers:
    assert options.answers
    return _read(options.answers, options.labels, *changed_at_and_size(options.answers))


@lru_cache(maxsize=1)
def _read(path: str, labels: str, _changed_at: int, _size: int) -> Answers:
    return read_answers(Path(path), known_words(load_labelset(labels)))
