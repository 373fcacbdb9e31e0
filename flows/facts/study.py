"""What a study is made of: visits with their taxa, what people said of them, the random sample."""

from sqlalchemy import Connection

from db.queries.population import population as rows
from db.queries.population.sample import asked_by_draws, labelled_visits, sample_in_force
from pipeline.population.correction.sample import LabelledVisit, Sample
from pipeline.population.events.sightings import Sighting


def read_sightings(conn: Connection) -> list[Sighting]:
    """Every stretch of a visit and taxon that people did not call blank, also untimed ones."""
    return [Sighting(*row) for row in rows.visit_taxa(conn)]


def read_labelled_visits(conn: Connection) -> list[LabelledVisit]:
    """Every visit with a time, by its first picture's sha256; what people said of it beside."""
    return [LabelledVisit(*row) for row in labelled_visits(conn)]


def read_sample(conn: Connection) -> Sample:
    """The draw in force, with every visit as it stands now. No stratum: nothing was drawn."""
    visits, found = read_labelled_visits(conn), sample_in_force(conn)
    if found is None:
        return Sample(visits, frozenset(), {}, frozenset(), 0)
    drawn, about = found
    of = drawn, about["strata"], frozenset(about["batches"]), about["seed"]
    return Sample(visits, *of, asked_by_draws(conn))
