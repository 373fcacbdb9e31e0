"""Names with the ranks above them, as formats with a column for each rank want them."""

from pipeline.species.answers import Chain, Taxa

RANKS = ("class", "order", "family", "genus", "species")


def chain_of(name: str | None, rank: str | None, taxa: Taxa) -> Chain:
    """The taxon of a name, from narrow to wide; of one that nobody knows what its words say."""
    if not name or name == "Animalia":
        return ()
    if name in taxa:
        return taxa[name]
    words = name.split()
    if len(words) == 1:
        return ((rank, name),) if rank else ()
    narrow = ("subspecies", name) if len(words) > 2 else ("species", name)
    wide = (("species", " ".join(words[:2])),) if len(words) > 2 else ()
    return (narrow, *wide, ("genus", words[0]))


def epithet(chain: Chain) -> str:
    """What follows the genus, "elaphus" or "lupus familiaris"; empty for what is wider."""
    ranks = dict(chain)
    return (ranks.get("subspecies") or ranks.get("species", "")).partition(" ")[2]
