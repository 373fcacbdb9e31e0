"""Which format a data set has, and its reader."""

from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.exchange.incoming import camtrap_dp, camtrapr, timelapse, wildlife_insights
from pipeline.exchange.incoming.dataset import FORMATS, DataSet
from pipeline.exchange.incoming.heads import heads


def read(
    source: Path, form: str | None = None, name: str | None = None, columns: Path | None = None
) -> DataSet:
    """The data set in a folder or file.

    form     of FORMATS; None: as its files show
    name     under which it is kept; None: its own
    columns  a TOML file that says which columns of a Timelapse table are what
    Raises SettingsError: none that is known, or not readable as a whole.
    """
    if form is not None and form not in FORMATS:
        raise SettingsError(f"--format {form}: known are {', '.join(FORMATS)}")
    found = form or _found(source)
    if found == "timelapse":
        return timelapse.read(source, name, columns)
    if columns is not None:
        raise SettingsError(f"--columns is for Timelapse tables; {source} is of {found}")
    if found == "wildlife-insights":
        return wildlife_insights.read(source, name)
    if found == "camtrapr":
        return camtrapr.read(source, name)
    return camtrap_dp.read(source, name)


def _found(source: Path) -> str:
    """The format, by the names of the files and of their columns."""
    if source.is_file():
        tables = [source]
    elif (source / camtrap_dp.DESCRIPTION).is_file():
        return "camtrap-dp"
    elif wildlife_insights.images(source) and (source / "deployments.csv").is_file():
        return "wildlife-insights"
    elif camtrapr.tables(source):
        return "camtrapr"
    else:
        tables = sorted(source.glob("*.csv"))
    if len(tables) == 1 and {"file", "relativepath"} <= heads(tables[0]):
        return "timelapse"
    raise SettingsError(
        f"{source}: no data set that is known: a Camtrap DP has {camtrap_dp.DESCRIPTION}, Wildlife "
        "Insights deployments.csv and images.csv, camtrapR a table of stations and one of records, "
        "Timelapse a table with File and RelativePath"
    )
