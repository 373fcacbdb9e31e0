"""Counts with their noun in the singular or plural."""


def counted(value: int, what: str) -> str:
    """1 picture, 12 pictures; digits alone, for a terminal too."""
    return f"{value} {what}{'' if value == 1 else 's'}"


def taken(pictures: int) -> str:
    """1 picture was taken, 12 pictures were taken."""
    return f"{counted(pictures, 'picture')} {'was' if pictures == 1 else 'were'} taken"
