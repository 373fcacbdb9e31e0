"""Flags of some deployments, formed again after a fact about them or a review has changed.

The rules are applied to what is stored, with the settings that the recipe of the flags holds; no
picture is read and no model is loaded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection

from db.store.batches import batches_of_deployment, read_recipe
from db.store.flags import flag_results, save_flags
from db.store.repairs import believed
from flows.facts.alerts import alerting_of, queue
from flows.run_options import StartedRun
from flows.steps import recipes
from flows.steps.flags import found_flags
from pipeline.counted import counted
from pipeline.poaching.context import can_tell
from pipeline.poaching.rules import rule_names
from pipeline.poaching.scene import facts
from pipeline.records import Deployment
from pipeline.settings import Poaching, Settings, Windows


@dataclass(frozen=True, slots=True)
class FlagsAgain:
    """The flags of one deployment under one recipe, before and after the rules were applied."""

    deployment_id: str
    batch: str
    before: int = 0  # flags
    now: int = 0
    changed: bool = False
    stale: bool = False  # not formed again: only a run with its own options can

    @property
    def sentence(self) -> str:
        """What a person should know of it, in one line."""
        if self.stale:
            return (
                f"{self.deployment_id}: its flags are those of before: camtriage relabel "
                f"--name {self.batch}, with the options of its run, forms them again"
            )
        flags = counted(self.now, "flag")
        return f"{self.deployment_id}: {flags}, formed again (before: {self.before})"


def flags_after_edit(
    conn: Connection, before: Iterable[Deployment], after: Iterable[Deployment]
) -> list[FlagsAgain]:
    """Form the flags again where the rules see another fact; those that changed or are stale."""
    was = {known.deployment_id: facts(known) for known in before}
    new = [place for place in after if was.get(place.deployment_id, facts(place)) != facts(place)]
    return [found for found in flags_again(conn, new) if found.stale or found.changed]


def flags_again(conn: Connection, places: Sequence[Deployment]) -> Iterator[FlagsAgain]:
    """Form the flags of these deployments again and save them, recipe by recipe."""
    for place in believed(conn, places):
        for run, has_flags in shown_recipes(conn, place.deployment_id):
            if has_flags:
                yield _of_recipe(conn, place, run)


def _of_recipe(conn: Connection, place: Deployment, run: StartedRun) -> FlagsAgain:
    name = place.deployment_id
    settings = _settings_of(read_recipe(conn, run.flag))
    if settings is None:
        return FlagsAgain(name, run.batch, stale=True)
    found = found_flags(conn, settings, run, [place])
    before = flag_results(conn, run.flag, name)
    save_flags(conn, run.flag, found, [name])
    queue(conn, alerting_of(), run, place, found)
    now = flag_results(conn, run.flag, name)
    return FlagsAgain(name, run.batch, len(before), len(now), changed=before != now)


def _settings_of(flagged: Mapping[str, Any]) -> Settings | None:
    """The settings that flags were formed with; None: other rules or code formed them, or the
    labeller itself is needed."""
    flagged = recipes.with_rules(flagged)
    given, label = flagged.get("poaching", {}), flagged.get("label", {})
    same_code = flagged.get("version") == recipes.FLAG_VERSION
    same_rules = flagged["rules"] == rule_names()
    same_settings = given.keys() == set(Poaching.__slots__)
    if not (same_code and same_rules and same_settings):
        return None
    if can_tell(label["look"]["encoder"]["name"]):
        return None
    return Settings(windows=Windows(visit_gap_s=label["visit_gap_s"]), poaching=Poaching(**given))


class ShownRecipes(NamedTuple):
    """What the views show of a deployment's pictures, as a run would name it."""

    run: StartedRun
    has_flags: bool  # False: the run ended before its flags, and run.flag is no recipe


def shown_recipes(conn: Connection, deployment_id: str) -> list[ShownRecipes]:
    """The recipes that the views show for a deployment's pictures, each once, with one batch."""
    by_recipe = {row[2:]: row for row in batches_of_deployment(conn, deployment_id)}
    found = []
    for batch_id, name, look, label, flag in by_recipe.values():
        assert look is not None, "labels come after frame scores"
        run = StartedRun(batch_id, name, None, look, label, flag or 0, seed="")
        found.append(ShownRecipes(run, flag is not None))
    return found
