"""The first step alone: what files and deployments a card holds."""

from flows.execution.directly import Directly
from flows.run_options import RunOptions
from flows.steps.card import Card, read_card
from flows.steps.ingest import save_card


def read(options: RunOptions) -> Card:
    """Read the files of a card; nothing is written. CardError: it cannot be a card."""
    return Directly(options.windows()).step(read_card, options)


def save(options: RunOptions, card: Card) -> str:
    """Save a card that was read, with its plan; gives back the name of its batch."""
    return save_card(options, card).batch
