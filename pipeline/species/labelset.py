"""Label sets: which taxa may be named, and the text prompts for the model. Written in TOML.

    name = "my park"
    templates = ["{name}", "a photo of a {name}"]   # {name} common, {scientific}, {family},
                                                    # {taxonomy}

    [lineage]                                       # family = [order, class], given once
    Canidae = ["Carnivora", "Mammalia"]

    [[taxon]]
    scientific = "Vulpes vulpes"
    family = "Canidae"
    common = ["red fox"]
    protected = true

{taxonomy} is "Animalia Chordata Mammalia Carnivora Canidae Vulpes vulpes", the form that BioCLIP
learned ("a photo of {taxonomy} with common name {name}"); of what has no backbone it is left out.
A taxon may have `also = [...]`: synonyms and names in other languages, by which people find it and
which no model reads. It may bring `prompts` of its own, `forms` (breeds, sexes, coats that look
different: each gets a vector of its own, and their probabilities add up), and an
`observation_type`; a vehicle, or what shows nothing (`blank`), has a common name only. A site list
is a text file with one scientific name a line (any rank), a CSV with a column `scientific_name`, or
TOML with `may_occur = [...]`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from pipeline.errors import SettingsError
from pipeline.tables.reader import Faults, read_table, read_text
from pipeline.toml import read_toml

RANKS = (
    "subspecies",
    "species",
    "genus",
    "subfamily",
    "family",
    "order",
    "class",
)  # narrow to wide
PARTS = ("name", "scientific", "family", "taxonomy")  # of a template
VERTEBRATES = ("Mammalia", "Aves", "Reptilia", "Amphibia")
TYPES = ("animal", "human", "vehicle", "blank")
BUNDLED = Path(__file__).parent / "labelsets"
LONGEST_TEXT = 200  # characters of a name or prompt; text towers read 77 tokens at most
MOST_TAXA = 20_000
_SCIENTIFIC = re.compile(r"[A-Z][a-z]+(-[a-z]+)?( [a-z]+(-[a-z]+)?){0,2}")
Lineage: TypeAlias = Mapping[str, tuple[str, str]]  # order and class by family
Parents: TypeAlias = tuple[tuple[str, str], ...]  # (rank, name), from narrow to wide

_TOP_KEYS = {"name", "templates", "lineage", "taxon"}
_TAXON_KEYS = {
    *("scientific", "rank", "genus", "subfamily", "family", "order", "class"),
    *("common", "also", "forms", "prompts", "protected", "observation_type"),
}


@dataclass(frozen=True)
class Taxon:
    """One thing that may be named."""

    name: str  # scientific name; for a vehicle or blank its common name
    rank: str  # of RANKS; empty for a vehicle or blank
    parents: Parents
    common: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]  # one group for each form; a group is averaged
    protected: bool = False
    observation_type: str = "animal"  # of TYPES
    also: tuple[str, ...] = ()  # synonyms, other languages: for people only


@dataclass(frozen=True)
class LabelSet:
    """Taxa in a fixed order: relatives side by side, so that every higher taxon is one slice."""

    name: str
    taxa: tuple[Taxon, ...]

    def __hash__(self) -> int:  # quick: what is worked out of a set is kept by it
        return hash(self.names)

    @cached_property
    def digest(self) -> str:
        """sha-256 of all that shapes a result; comments, the order in the file and names that only
        people use do not."""
        content = [asdict(taxon) for taxon in self.taxa]
        for taxon in content:
            del taxon["also"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its taxa, in their order."""
        return tuple(taxon.name for taxon in self.taxa)


def wider_names(labelset: LabelSet) -> dict[str, frozenset[str]]:
    """Of each taxon and each of its parents, the names of all that include it."""
    found: dict[str, frozenset[str]] = {}
    for taxon in labelset.taxa:
        chain = [taxon.name, *(name for _, name in taxon.parents)]
        for i, name in enumerate(chain):
            found[name] = frozenset(chain[i + 1 :])
    return found


def load_labelset(name_or_path: str | Path = "starter") -> LabelSet:
    """A bundled set by its name, or a TOML file. Raises SettingsError naming the entry."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = BUNDLED / f"{name_or_path}.toml"
        bundled = sorted(file.stem for file in BUNDLED.glob("*.toml"))
        if str(name_or_path) not in bundled:
            raise SettingsError(
                f"no label set {str(name_or_path)!r}: bundled are {', '.join(bundled)}; "
                "a set of your own is given as a path that ends in .toml"
            )
    return _labelset(path, read_toml(path))


def load_site_list(path: Path) -> frozenset[str]:
    """Scientific names (of any rank) that may occur at a site. Raises SettingsError."""
    path = Path(path)
    if path.suffix == ".toml":
        given = read_toml(path)
        if set(given) != {"may_occur"}:
            raise SettingsError(f"{path}: a site list holds may_occur = [names] and nothing else")
        lines = list(enumerate(_texts(path, "may_occur", given["may_occur"]), 1))
    elif path.suffix.lower() == ".csv":
        table = read_table(path, ("scientific_name",), also={"species": "scientific_name"})
        table.faults.refuse()
        lines = [(row.line, row.text("scientific_name") or "") for row in table.rows]
    else:
        lines = [
            (number, line.split("#")[0].strip())
            for number, line in enumerate(read_text(path).splitlines(), 1)
        ]
    faults = Faults(path)
    for number, name in lines:
        if name and not _SCIENTIFIC.fullmatch(name):
            faults.add(number, f"no scientific name: {_shown(name)}")
    faults.refuse()
    if not (names := frozenset(name for _, name in lines if name)):
        raise SettingsError(f"{path}: the site list is empty: nothing could ever be named")
    return names


def allowed(labelset: LabelSet, site_list: frozenset[str]) -> tuple[bool, ...]:
    """Which taxa of the set may occur, by a list of names of any rank.

    A taxon may occur if it, a parent or a narrower taxon of it is listed. People, vehicles and
    blank pictures may always occur. Raises SettingsError when no animal of the set is on the list.
    """
    above: dict[str, set[str]] = {}
    for taxon in labelset.taxa:
        names = [taxon.name, *(name for _, name in taxon.parents)]
        for place, name in enumerate(names):
            above.setdefault(name, set()).update(names[place + 1 :])
    genera = {name.split()[0] for name in site_list}
    wider = genera.union(*(above.get(name, set()) for name in {*site_list, *genera}))
    verdict = tuple(
        taxon.observation_type != "animal"
        or taxon.name in site_list
        or not site_list.isdisjoint(above[taxon.name])
        or taxon.name in wider
        for taxon in labelset.taxa
    )
    animals = [
        may
        for may, taxon in zip(verdict, labelset.taxa, strict=True)
        if taxon.observation_type == "animal"
    ]
    if animals and not any(animals):
        raise SettingsError(
            f"the site list has no taxon of the label set {labelset.name!r}: write scientific "
            "names that it knows, one a line, or give a label set that has them with --labels"
        )
    return verdict


def _labelset(path: Path, given: Mapping[str, Any]) -> LabelSet:
    _refuse_unknown(path, "the label set", given, _TOP_KEYS)
    name = _text(path, "name", given.get("name"))
    templates = _texts(path, "templates", given.get("templates", ["{name}"])) or ["{name}"]
    for template in templates:
        _check_template(path, template)
    lineage = _lineage(path, given.get("lineage", {}))
    entries = given.get("taxon")
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{path}: a label set needs at least one [[taxon]]")
    if len(entries) > MOST_TAXA:
        raise SettingsError(f"{path}: {len(entries)} taxa, at most {MOST_TAXA} are taken")
    taxa = [_taxon(path, n, entry, templates, lineage) for n, entry in enumerate(entries, 1)]
    _check_tree(path, taxa)
    return in_order(name, taxa)


def in_order(name: str, taxa: Iterable[Taxon]) -> LabelSet:
    """A set of these taxa, relatives side by side."""
    return LabelSet(name, tuple(sorted(taxa, key=_place)))


def _place(taxon: Taxon) -> tuple[int, list[str]]:
    """Sorts relatives side by side; a family's own entry stands before its genera."""
    own = {**dict(taxon.parents), taxon.rank: taxon.name}
    return TYPES.index(taxon.observation_type), [own.get(rank, "") for rank in RANKS[::-1]]


def _taxon(path: Path, number: int, given: object, templates: list[str], lineage: Lineage) -> Taxon:
    where = f"taxon {number}"
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: {where}: write it as [[taxon]] with keys")
    where += f" ({_shown(given.get('scientific') or given.get('common'))})"
    _refuse_unknown(path, where, given, _TAXON_KEYS)
    kind = given.get("observation_type", "animal")
    if kind not in TYPES:
        raise SettingsError(f"{path}: {where}: observation_type is one of {', '.join(TYPES)}")
    if not isinstance(protected := given.get("protected", False), bool):
        raise SettingsError(f"{path}: {where}: protected is true or false")
    common = _texts(path, f"{where}: common", given.get("common", []))
    parents: Parents = ()
    if kind in ("vehicle", "blank"):
        if not common or "scientific" in given:
            raise SettingsError(f"{path}: {where}: a {kind} has a common name and no other")
        name, rank = common[0], ""
    else:
        name, rank, parents = _named(path, where, given, lineage)
    forms = _texts(path, f"{where}: forms", given.get("forms", []))
    own = _texts(path, f"{where}: prompts", given.get("prompts", []))
    facts = {"scientific": name if rank else "", "family": dict(parents).get("family", "")}
    facts["taxonomy"] = _taxonomy(name, rank, dict(parents))
    groups = [own or _filled(templates, common or [name], facts)]
    groups = [_filled(templates, [form], facts) for form in forms] or groups
    also = tuple(_texts(path, f"{where}: also", given.get("also", [])))
    prompts = tuple(map(tuple, groups))
    return Taxon(name, rank, parents, tuple(common), prompts, protected, kind, also)


def _named(
    path: Path, where: str, given: Mapping[str, Any], lineage: Lineage
) -> tuple[str, str, Parents]:
    """Scientific name, rank and parents; what is left out is taken from name and lineage."""
    name = _text(path, f"{where}: scientific", given.get("scientific"))
    if not _SCIENTIFIC.fullmatch(name):
        raise SettingsError(f"{path}: {where}: no scientific name: {_shown(name)}")
    words = name.split()
    rank = given.get("rank", {1: "genus", 2: "species", 3: "subspecies"}[len(words)])
    fits = {"subspecies": 3, "species": 2}
    if rank not in RANKS or fits.get(rank, 1) != len(words):
        raise SettingsError(f"{path}: {where}: rank {_shown(rank)} does not fit {name!r}")
    own = {wide: given[wide] for wide in RANKS[2:] if wide in given}
    if rank in ("species", "subspecies"):
        own.setdefault("genus", words[0])
    if rank == "subspecies":
        own["species"] = " ".join(words[:2])
    order, clade = lineage.get(own.get("family", name if rank == "family" else ""), (None, None))
    if order:
        own.setdefault("order", order)
        own.setdefault("class", clade)
    wider = RANKS[RANKS.index(rank) + 1 :]
    for wide, parent in own.items():
        text = _text(path, f"{where}: {wide}", parent)
        if wide not in wider or not _SCIENTIFIC.fullmatch(text):
            raise SettingsError(f"{path}: {where}: {wide} = {_shown(parent)} does not fit")
    return name, rank, tuple((wide, own[wide]) for wide in wider if wide in own)


def _check_tree(path: Path, taxa: list[Taxon]) -> None:
    """Every name once, and every higher taxon under one parent only."""
    seen: set[str] = set()
    above: dict[tuple[str, str], Parents] = {}
    for taxon in taxa:
        if taxon.name in seen:
            raise SettingsError(f"{path}: taxon {taxon.name!r} is there twice")
        seen.add(taxon.name)
        chain = ((taxon.rank, taxon.name), *taxon.parents)
        for place, link in enumerate(chain):
            if above.setdefault(link, chain[place + 1 :]) != chain[place + 1 :]:
                raise SettingsError(
                    f"{path}: {link[0]} {link[1]} stands under different parents (see {taxon.name})"
                )


def _taxonomy(name: str, rank: str, parents: Mapping[str, str]) -> str:
    """Every rank from the kingdom down to a species; empty where one is not known."""
    above = [parents.get(wide, "") for wide in ("class", "order", "family")]
    known = rank in ("species", "subspecies") and all(above) and above[0] in VERTEBRATES
    return " ".join(["Animalia", "Chordata", *above, name]) if known else ""


def _filled(templates: list[str], names: list[str], facts: dict[str, str]) -> list[str]:
    """Every template with every name; plain replacing, so a template can reach nothing else.

    A template with a part that a taxon lacks (a vehicle's family) is left out for it.
    """
    texts = []
    for template in templates:
        if any(f"{{{key}}}" in template and not value for key, value in facts.items()):
            continue
        for name in names:
            text = template.replace("{name}", name)
            for key, value in facts.items():
                text = text.replace(f"{{{key}}}", value)
            texts.append(" ".join(text.split()))
    texts = texts or names
    return list(dict.fromkeys(texts))


def _check_template(path: Path, template: str) -> None:
    unknown = set(re.findall(r"\{([^}]*)\}?", template)) - {*PARTS}
    if unknown:
        known = ", ".join(f"{{{part}}}" for part in PARTS)
        raise SettingsError(f"{path}: template {_shown(template)}: only {known}")


def _lineage(path: Path, given: object) -> dict[str, tuple[str, str]]:
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: lineage is a section, write [lineage]")
    found = {}
    for family, above in given.items():
        names = _texts(path, f"lineage {_shown(family)}", above)
        if len(names) != 2 or not all(map(_SCIENTIFIC.fullmatch, (family, *names))):
            raise SettingsError(f"{path}: lineage {_shown(family)}: write it as [order, class]")
        found[family] = (names[0], names[1])
    return found


def _texts(path: Path, where: str, given: object) -> list[str]:
    if not isinstance(given, list):
        raise SettingsError(f"{path}: {where} is a list of texts, not {_shown(given)}")
    return [_text(path, where, text) for text in given]


def _text(path: Path, where: str, given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise SettingsError(f"{path}: {where} must be a text, not {_shown(given)}")
    if len(given) > LONGEST_TEXT or not given.isprintable():
        raise SettingsError(f"{path}: {where}: too long or unprintable: {_shown(given)}")
    return given.strip()


def _refuse_unknown(path: Path, where: str, given: Iterable[str], known: set[str]) -> None:
    if wrong := sorted(set(given) - known):
        raise SettingsError(
            f"{path}: {where}: unknown {_shown(wrong[0])}; known: {', '.join(sorted(known))}"
        )


def _shown(given: object) -> str:
    """What was found, on one line and never long."""
    text = ascii(given)
    return text if len(text) <= 60 else text[:57] + "..."
