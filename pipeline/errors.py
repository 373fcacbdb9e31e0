"""What can go wrong on purpose, from wide to narrow; the command line prints it in one line.

CamtriageError
    InputError            what was given cannot be used: exit code 2, nothing written
        CardError         the folder is missing, unreadable, or has no pictures
        SettingsError     an unknown or impossible setting, label set or table
        WeightsError      weights missing, damaged (sha-256), or of a kind that is never loaded
        PopulationError   a sample or table is not enough for the number requested
        DatabaseError     the database is missing, behind, or not ours
    DatabaseChanged       it was replaced while a run wrote into it: exit code 1
    DatabaseAway          its server does not answer: exit code 1, and a run waits for it
    DatabaseHeld          another program has its file and does not let go: exit code 1
    CardGone              the card was pulled out in the middle: exit code 1
    Unfinished            windows are left that could not be done: exit code 1
    UnreadablePicture     one file is no picture: a file problem, the run goes on
"""


def in_one_line(why: Exception) -> str:
    """The first line of an error: the driver's own message, without statement and parameters."""
    message = str(getattr(why, "orig", None) or why).strip() or type(why).__name__
    return message.splitlines()[0]


class CamtriageError(Exception):
    """Raised on purpose: one line that says what happened, to what, and what to do."""


class InputError(CamtriageError):
    """What was given cannot be used; nothing has been written."""


class CardError(InputError):
    """The card (a folder) cannot be read as a whole."""


class SettingsError(InputError):
    """A setting, label set or table is not what it should be."""


class WeightsError(InputError):
    """Weights are missing, damaged, or of a kind that is never loaded."""


class PopulationError(InputError):
    """A sample or table is not enough for the number that is requested."""


class DatabaseError(InputError):
    """The database is missing, behind this version, or not one of ours."""


class DatabaseChanged(CamtriageError):
    """A run's database is not the one that it was started with."""


class DatabaseAway(CamtriageError):
    """The database's server does not answer, or the connection broke."""


class DatabaseHeld(CamtriageError):
    """Another program holds the lock on the database's file, longer than we wait."""


class CardGone(CamtriageError):
    """The card was removed during the run; what was done is saved."""


class Unfinished(CamtriageError):
    """A run ended with work left undone."""


class UnreadablePicture(CamtriageError):
    """One file cannot be decoded. `reason` is one of pipeline.records.REASONS."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail
