"""Animals that camera traps meet around the world: names for people, which no model reads.

`world.toml` has the form of a label set. People find by it what their own label set does not know,
and what they found has its rank and wider names in every export and report.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from pipeline.species.answers import Chain, taxa_of
from pipeline.species.labelset import LabelSet, Taxon, load_labelset


@cache
def world() -> LabelSet:
    """The bundled list, read once."""
    return load_labelset(Path(__file__).with_name("world.toml"))


def with_world(labelset: LabelSet, used: Collection[str] = ()) -> LabelSet:
    """A label set and after its own taxa those of the world: for names and what is above them.

    Each taxon stands there once, under the label set's name for it, else under the older one that
    is used here, with the names of both lists. What is above a taxon of the world is as the label
    set has it, as far as it knows that.
    """
    taxa, chains = list(labelset.taxa), taxa_of(labelset)
    place = {name: i for i, taxon in enumerate(taxa) for name in (taxon.name, *taxon.also)}
    for taxon in world().taxa:
        own = next((place[name] for name in (taxon.name, *taxon.also) if name in place), None)
        if own is not None:
            taxa[own] = _called(taxa[own], taxon)
        else:
            taxon = _as_used(taxon, used)
            taxa.append(replace(taxon, parents=_above(taxon, chains)))
    return LabelSet(labelset.name, tuple(taxa))


def _as_used(taxon: Taxon, used: Collection[str]) -> Taxon:
    """A species under the older name by which alone it is known here."""
    older = [name for name in taxon.also if name in used]
    if taxon.name in used or not older or taxon.rank != "species":
        return taxon
    genus, *_ = older[0].split()
    parents = (("genus", genus), *(wide for wide in taxon.parents if wide[0] != "genus"))
    return replace(_called(taxon, taxon), name=older[0], parents=parents)


def _above(taxon: Taxon, chains: Mapping[str, Chain]) -> Chain:
    for i, (_, name) in enumerate(taxon.parents):
        if name in chains:
            return (*taxon.parents[:i], *chains[name])
    return taxon.parents


def _called(own: Taxon, other: Taxon) -> Taxon:
    """A taxon with the names that another list has for it, after its own."""
    common = tuple(dict.fromkeys((*own.common, *other.common)))
    also = tuple(dict.fromkeys((*own.also, other.name, *other.also)))
    return replace(own, common=common, also=also)
