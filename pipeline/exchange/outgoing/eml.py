"""eml.xml: who made a data set, when, where, and under which licence, as GBIF reads it."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from pipeline.exchange.package import Package
from pipeline.exchange.project import Project
from pipeline.exchange.required import period


def eml(project: Project, package: Package) -> str:
    """Ecological Metadata Language 2.1.1, GBIF's profile 1.1."""
    title = str(project.package.get("title") or project.project["title"])
    about = str(project.package.get("description") or project.project.get("description") or title)
    name = str(project.package.get("id") or project.package.get("name") or title)
    people = [_person(person) for person in project.contributors]
    first = people[0] if people else ""
    periods = [period(place) for place in package.deployments]
    begin, end = min(start for start, *_ in periods), max(end for _, end, _ in periods)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" xmlns:dc="http://purl.org/dc/terms/"
  packageId={quoteattr(name)} system="camtriage" scope="system" xml:lang="en">
<dataset>
<title xml:lang="en">{escape(title)}</title>
{"".join(f"<creator>{person}</creator>" for person in people)}
<metadataProvider>{first}</metadataProvider>
<pubDate>{datetime.now(UTC):%Y-%m-%d}</pubDate>
<language>en</language>
<abstract><para>{escape(about)}</para></abstract>
<intellectualRights><para>{escape(_rights(project))}</para></intellectualRights>
<coverage><temporalCoverage><rangeOfDates>
<beginDate><calendarDate>{begin:%Y-%m-%d}</calendarDate></beginDate>
<endDate><calendarDate>{end:%Y-%m-%d}</calendarDate></endDate>
</rangeOfDates></temporalCoverage></coverage>
<contact>{first}</contact>
<methods><methodStep><description><para>Camera traps; {_design(project)}.</para></description>
</methodStep></methods>
</dataset>
</eml:eml>
"""


def _person(person: dict[str, object]) -> str:
    """A contributor; one word of a name is a surname, as EML wants one."""
    parts = [f"<individualName><surName>{escape(str(person['title']))}</surName></individualName>"]
    for key, tag in (("organization", "organizationName"), ("email", "electronicMailAddress")):
        if person.get(key):
            parts.append(f"<{tag}>{escape(str(person[key]))}</{tag}>")
    return "".join(parts)


def _rights(project: Project) -> str:
    names = [
        f"{license.get('name') or license.get('path')} ({license['scope']})"
        for license in project.licenses
    ]
    return ", ".join(names) or "no licence was given"


def _design(project: Project) -> str:
    return escape(f"sampling design {project.project['samplingDesign']}")
