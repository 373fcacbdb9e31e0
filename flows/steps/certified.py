"""The certificate that a run was told to use: its threshold, for the models it was made with."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.certificates import all_certificates, certificate_named
from flows.execution import loaded as models
from flows.execution.databases import known_database
from flows.run_options import RunOptions
from flows.steps import recipes
from pipeline.errors import SettingsError
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.frames.detector import Detector


def check_certificate(options: RunOptions) -> None:
    """SettingsError where the certificate is not here or is void for the models of the run."""
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
) -> tuple[Settings, recipes.Recipe]:
    """The settings with the certificate's threshold, and the recipe of the frame scores."""
    look = recipes.frame_recipe(options, settings, frame, encoder, detector)
    if options.certificate is None:
        return settings, look
    found = _named(conn, options.certificate)
    if settings.blank.threshold is not None:
        raise SettingsError(
            f"--certificate {options.certificate}: the settings give another threshold; take"
            " threshold out of [blank]"
        )
    refuse_void(found, look)
    blank = replace(settings.blank, threshold=found["threshold"])
    settings = replace(settings, blank=blank)
    look = recipes.frame_recipe(options, settings, frame, encoder, detector)
    proof = {"name": found["name"], "data": found["data_hash"]}
    return settings, {**look, "certificate": proof}


def refuse_void(found: sa.RowMapping, look: recipes.Recipe) -> None:
    """SettingsError where the scores of this recipe are not those that were certified."""
    now: dict[str, Any] = recipes.certified_part(look)
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
