"""Which camtriage this is."""

from functools import cache
from importlib import metadata

from pipeline.errors import InputError


@cache
def version() -> str:
    """The version of the installed package; InputError says where there is none."""
    try:
        return metadata.version("camtriage")
    except metadata.PackageNotFoundError:
        raise InputError(
            "camtriage is not installed here, so its version is not known: "
            "`pip install -e .` in its folder"
        ) from None
