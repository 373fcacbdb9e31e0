"""Visits and flags of a deployment, formed again after its times have changed.

As `relabel` does, from what is stored; no picture is read. Other times make other visits: their
names must come out of the same label set, list and settings as before, so whatever differs is
refused with the option that helps.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from db.store.batches import read_recipe
from db.store.deployments import deployments_of
from db.store.flags import save_flags
from db.store.media import media_of
from db.store.visits import save_visits, visits_of
from flows.execution import loaded as models
from flows.facts.alerts import alerting_of, queue
from flows.run_options import NamingOptions, StartedRun
from flows.services.flags_again import ShownRecipes, shown_recipes
from flows.steps import recipes
from flows.steps.certified import BARS
from flows.steps.flags import found_flags
from flows.steps.visits import formed_visits
from pipeline.errors import SettingsError
from pipeline.exchange.incoming.told import moved
from pipeline.settings import Settings
from pipeline.species.labelset import load_labelset

OPTIONS = {  # what of a recipe differs -> the option that was another one then
    "learned": "--labeller",
    "label_set": "--labels",
    "sites": "--sites",
    "labels": "--settings",
    "visit_gap_s": "--settings",
    "poaching": "--settings",
}


def reform(conn: Connection, options: NamingOptions, deployment_id: str) -> int:
    """Form them under every recipe that is shown for this deployment; how many visits there are."""
    total = 0
    for shown in shown_recipes(conn, deployment_id):
        run = shown.run
        if "imported" in read_recipe(conn, run.label):
            total += _moved(conn, run, deployment_id)
            continue
        _refuse_other_names(conn, options, shown)
        formed = formed_visits(conn, options, run, deployment_id)
        save_visits(conn, run.label, formed, [deployment_id])
        if shown.has_flags:
            places = [
                place
                for place in deployments_of(conn, run.batch_id)
                if place.deployment_id == deployment_id
            ]
            settings = _as_certified(read_recipe(conn, run.flag), options.load_settings())
            found = found_flags(conn, settings, run, places, options)
            save_flags(conn, run.flag, found, [deployment_id])
            queue(conn, alerting_of(), run, places[0], found)
        total += len(formed)
    return total


def _moved(conn: Connection, run: StartedRun, deployment_id: str) -> int:
    """Visits of a data set of others are its own: they keep their pictures at other times."""
    at = {one.sha256: one.taken_at for one in media_of(conn, run.batch_id, [deployment_id])}
    own = [moved(one, at) for one in visits_of(conn, run.batch_id, run.label, [deployment_id])]
    save_visits(conn, run.label, own, [deployment_id])
    return len(own)


def _refuse_other_names(conn: Connection, options: NamingOptions, shown: ShownRecipes) -> None:
    """SettingsError where these options would name or flag otherwise than the batch's run."""
    run = shown.run
    was = read_recipe(conn, run.label)
    if "answers" in was:  # its names of visits need no labeller and no label set
        if was["visit_gap_s"] != options.load_settings().windows.visit_gap_s:
            raise SettingsError(_other(run, was["answers"]["name"], ["--settings"]))
        return
    encoder = models.encoder(options.labeller, options.pretrained)
    if was["look"]["encoder"] != recipes.identity(encoder):
        raise SettingsError(_other(run, was["look"]["encoder"]["name"], ["--labeller"]))
    settings = options.load_settings()
    now = recipes.label_recipe(was["look"], options, settings, load_labelset(options.labels))
    differs = {key for key in {*was, "learned"} if was.get(key) != now.get(key)}
    if shown.has_flags:
        flagged = recipes.with_rules(read_recipe(conn, run.flag))
        settings = _as_certified(flagged, settings)
        now = recipes.flag_recipe(was, settings, flagged.get("certificates"))
        differs |= {key for key in flagged if flagged[key] != now.get(key)}
    if differs & {"version", "rules"}:
        raise SettingsError(f"batch {run.batch} was named by an older camtriage: relabel first")
    if differs:
        options_then = {key: OPTIONS.get(key, key) for key in differs}
        if "learned" in differs and "learned" in was:
            options_then["learned"] = f"--labeller learned:{was['learned']['name']}"
        needed = sorted({*options_then.values()})
        raise SettingsError(_other(run, was["label_set"]["name"], needed))


def _as_certified(flagged: Mapping[str, Any], settings: Settings) -> Settings:
    """The settings with the levels of the certificates that the flags were made with."""
    bars = {BARS[kind]: flagged["poaching"][BARS[kind]] for kind in flagged.get("certificates", ())}
    return replace(settings, poaching=replace(settings.poaching, **bars))


def _other(run: StartedRun, names: str, needed: list[str]) -> str:
    return (
        f"batch {run.batch} was named with {names} and other options: give {', '.join(needed)} "
        "as for its run, so that its visits keep their names; nothing was changed"
    )
