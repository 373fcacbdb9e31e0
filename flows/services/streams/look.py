"""One look at what has arrived in a camera's folder: the rows of a card, a few pictures at a time.

The folder is one batch to which pictures keep coming, and one deployment: STREAMS/CAMERA gives
both their name, whatever folders the camera makes below. What is taken stands in the database
alone; a look that was killed is begun again by the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.summary import of_files
from db.store.batches import STREAM, batch_by_name, batch_row, is_stream
from db.store.files import file_problems_of, files_found
from flows.execution.databases import is_there, ready_database
from flows.execution.memory import give_back
from flows.execution.retry import patient
from flows.execution.ways import Progress, Way
from flows.run_options import RunOptions, StartedRun
from flows.steps.card import Card, read_all
from flows.steps.chain import carry_on, check_inputs
from flows.steps.ingest import save_card
from flows.steps.summary import Summary
from pipeline.card.clock import days_for_midnights
from pipeline.card.folders import one_place
from pipeline.card.packed import Packed
from pipeline.card.scan import path_text, to_look_at
from pipeline.errors import SettingsError
from pipeline.records import FileProblem, Found, Media


@dataclass(frozen=True, slots=True)
class Came:
    """What some files are."""

    states: dict[str, int]  # of their pictures, each once
    flags: int  # that show one of them
    problems: int  # of the files


def of_camera(options: RunOptions, folder: Path) -> RunOptions:
    """The options of a run for one camera's folder. SettingsError: no batch can have its name."""
    name = path_text(f"{folder.resolve().parent.name}/{folder.name}")
    return replace(options, card=str(folder), name=name)


def taken(options: RunOptions) -> dict[str, int] | None:
    """Bytes by path of the files that are in the database; None: nothing ever came."""
    if not is_there(options.database):
        return None
    with reading(ready_database(options.database)) as conn:
        batch_id = batch_by_name(conn, options.name or "")
        if batch_id is None:
            return None
        return {path: size for path, size, _ in files_found(conn, batch_id)}


def came(options: RunOptions, found: Sequence[Found]) -> Came:
    """What these files are, as the database has them now."""
    with reading(ready_database(options.database)) as conn:
        batch_id = batch_by_name(conn, options.name or "")
        if batch_id is None:
            return Came({}, 0, 0)
        paths = {file.path for file in found}
        problems = sum(problem.path in paths for problem in file_problems_of(conn, batch_id))
        return Came(*of_files(conn, batch_id, paths), problems)


def look(options: RunOptions, found: Sequence[Found], way: Way) -> Summary:
    """Take the files that have arrived, and go on with what an earlier look left."""
    check_inputs(options)
    return carry_on(options, options, way.step(take_files, options, found), way)


@patient
def take_files(
    options: RunOptions, found: Sequence[Found], tell: Progress | None = None
) -> StartedRun:
    """Read these files and save them with their plan, in one transaction."""
    root, name = Path(options.card), options.name or ""
    with reading(ready_database(options.database)) as conn:
        _refuse_another(conn, name, root)
    pictures = [file for file in found if to_look_at(file)]
    media, problems = read_all(root, iter(pictures), len(pictures), options, tell)
    left_out = (file for file in found if file.why)
    problems.extend(FileProblem(file.path, "ingest", "left_out", file.why) for file in left_out)
    media = days_for_midnights(media)
    place = one_place(media, name, path_text(root.name))
    placed = Packed(Media, (replace(picture, deployment_id=name) for picture in media))
    places = (place,) if len(placed) else ()
    card = Card(root, name, STREAM, Packed(Found, found), placed, places, problems)
    run = save_card(options, card)
    give_back()
    return run


def _refuse_another(conn: Connection, name: str, root: Path) -> None:
    """SettingsError where the name is a card's, or another folder's that is still there."""
    batch_id = batch_by_name(conn, name)
    if batch_id is None:
        return
    if not is_stream(conn, batch_id):
        raise SettingsError(f"{root}: a card is called {name} already; rename this folder")
    before = batch_row(conn, batch_id)["root"]
    if before != str(root.resolve()) and Path(before).is_dir():
        raise SettingsError(f"{root}: {name} lies in {before} already; rename one of the folders")
