"""The certificates that a run was told to use: their thresholds, for the models they were made
with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.certificates import all_certificates, certificate_named
from flows.execution import loaded as models
from flows.execution.databases import known_database
from flows.run_options import NamingOptions, RunOptions
from flows.steps import recipes
from pipeline.errors import SettingsError
from pipeline.settings import Poaching, Settings
from pipeline.trust.evidence import NOT_BLANK

if TYPE_CHECKING:
    from pipeline.frames.score import Detector

BARS = {"human": "human_bar", "vehicle": "vehicle_bar"}  # of [poaching]


@dataclass(frozen=True, slots=True)
class CertifiedLook:
    """What a run works to, with the thresholds of its certificates."""

    settings: Settings
    look: recipes.Recipe
    levels: Mapping[str, Any]  # the certificates of people and vehicles, by kind


def check_certificate(options: RunOptions) -> None:
    """SettingsError where a certificate is not here or is void for the models of the run."""
    if options.certificate is None:
        return
    frame, detector = models.frame_model(options.frame), models.detector(options.detector)
    encoder = models.encoder(options.labeller, options.pretrained)
    with reading(known_database(options.database)) as conn:
        certified_look(conn, options, options.load_settings(), frame, encoder, detector)


def certified_look(
    conn: Connection,
    options: RunOptions,
    settings: Settings,
    frame: recipes.Model,
    encoder: recipes.Model,
    detector: "Detector | None",
) -> CertifiedLook:
    """The settings with the certificates' thresholds, and the recipe of the frame scores."""
    given = settings
    settings, found = certified_settings(conn, options, settings)
    look = recipes.frame_recipe(options, settings, frame, encoder, detector)
    for row in found.values():
        refuse_void(row, look, given)
    proofs = {kind: {"name": row["name"], "data": row["data_hash"]} for kind, row in found.items()}
    blank = proofs.pop(NOT_BLANK, None)
    return CertifiedLook(settings, {**look, "certificate": blank} if blank else look, proofs)


def certified_settings(
    conn: Connection, options: NamingOptions, settings: Settings
) -> tuple[Settings, dict[str, sa.RowMapping]]:
    """The settings with the thresholds of the named certificates, and these by kind."""
    text = options.certificate if isinstance(options, RunOptions) else None
    found: dict[str, sa.RowMapping] = {}
    for name in dict.fromkeys(part.strip() for part in text.split(",")) if text else ():
        row = _named(conn, name)
        if row["kind"] in found:
            raise SettingsError(
                f"--certificate {text}: two of them are for {row['kind']}; give one of each kind"
            )
        found[row["kind"]] = row
        settings = _with_threshold(settings, row)
    return settings, found


def _with_threshold(settings: Settings, row: sa.RowMapping) -> Settings:
    if (bar := BARS.get(row["kind"])) is None:
        if settings.blank.threshold is not None:
            raise SettingsError(_another(row, "threshold", "blank"))
        return replace(settings, blank=replace(settings.blank, threshold=row["threshold"]))
    if getattr(settings.poaching, bar) != getattr(Poaching(), bar):
        raise SettingsError(_another(row, bar, "poaching"))
    return replace(settings, poaching=replace(settings.poaching, **{bar: row["threshold"]}))


def _another(row: sa.RowMapping, name: str, section: str) -> str:
    return (
        f"--certificate {row['name']}: the settings give another threshold; take {name} out of"
        f" [{section}]"
    )


def refuse_void(found: sa.RowMapping, look: recipes.Recipe, settings: Settings) -> None:
    """SettingsError where the scores of this recipe are not those that were certified."""
    windows = settings.as_dict()["windows"]
    now: dict[str, Any] = recipes.certified_part(look, found["kind"], windows, found["level"])
    proved = found["models"]
    if differing := sorted(part for part in {*now, *proved} if now.get(part) != proved.get(part)):
        raise SettingsError(
            f"certificate {found['name']} is void here: it was made with another"
            f" {', '.join(differing).replace('_', ' ')}; certify again with these models"
        )


def _named(conn: Connection, name: str) -> sa.RowMapping:
    found = certificate_named(conn, name)
    if found is None:
        known = ", ".join(row["name"] for row in all_certificates(conn)) or "none yet"
        raise SettingsError(f"--certificate {name}: no such certificate; there are: {known}")
    return found
