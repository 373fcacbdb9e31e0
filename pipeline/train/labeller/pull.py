"""Texts of a labeller, pulled on by more pictures than it was made with.

    camtriage train texts LABELLER LABELS.csv [LABELS.csv ...]

Each taxon's text starts where the text tower puts it and is moved by the pictures, against the same
penalty as when the labeller was made (head.py). The image network, the text tower and texts of
other label sets stay as they are. From the same labeller and pictures comes the same file, also
where its texts had been pulled before.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.models import weights
from pipeline.species import zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.labeller import head
from pipeline.train.labeller.prototypes import Tell, few, vectors_of
from pipeline.train.labeller.training import FILES

CONSTANT = "visual.trunk.classifier.bias"  # its last but one: the constant coordinate (head.Space)


def pull_texts(
    folder: Path, tables: Sequence[Path], tell: Tell, notes: Path | None = None
) -> dict[str, Any]:
    """Write pulled texts into a labeller's folder; returns the numbers that labeller.json keeps.

    tables   labelled pictures (pipeline.train.pictures, and scientific_name)
    tell     is given what happens meanwhile, a line at a time
    notes    an .npz that keeps the pictures' vectors between runs
    """
    labelset, encoder = load_labelset("starter"), load_encoder(f"local-dir:{folder}")
    pictures = few([one for table in tables for one in head.read_pictures(table, labelset)])
    if not pictures:
        raise SettingsError(f"{', '.join(map(str, tables))}: no picture may be trained on")
    vectors = vectors_of([picture.example for picture in pictures], encoder, notes, tell)
    spoken = zeroshot.text_vectors([g for taxon in labelset.taxa for g in taxon.prompts], encoder)
    bank = replace(zeroshot.bank(labelset, encoder), vectors=spoken, prototypes=())
    constant = float(weights.load(folder / FILES[0])[CONSTANT][-2])
    made = pulled(pictures, vectors, bank, constant)
    numbers = {"pictures": len(pictures), "studies": len({p.example.study for p in pictures})}
    _save(folder, labelset.digest, made, numbers)
    return numbers


def pulled(
    pictures: Sequence[head.Picture], vectors: NDArray[np.float32], bank: Bank, constant: float
) -> NDArray[np.float32]:
    """(taxa, d) the bank's texts, moved by the pictures; of about unit length.

    vectors    (n, 2, d) crop and frame of each picture, of unit length
    bank       one text a taxon, as the text tower gives it
    constant   the constant coordinate of the labeller's space (head.Space)
    """
    import torch

    may_be = np.array([head.consistent(picture, bank.labelset.taxa) for picture in pictures])
    length = constant * float(np.sqrt(1 + head.CONSTANT**-2))
    given = np.concatenate([vectors[:, 0, :-1], vectors[:, 1, :-1]]).astype(np.float64) * length
    start = bank.vectors[:, :-1].astype(np.float64) * (bank.scale / length)
    share = np.tile(head.shares(pictures), 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with more, sums come in another order, and another file
    try:
        moved = head.fit(given, np.tile(may_be, (2, 1)), share, start, constant)
    finally:
        torch.set_num_threads(threads)
    rest = bank.vectors[:, -1:]  # no picture has any of it
    made: NDArray[np.float32] = np.c_[moved * (length / bank.scale), rest].astype(np.float32)
    return made


def _save(folder: Path, digest: str, made: NDArray[np.float32], numbers: dict[str, Any]) -> None:
    """The texts beside the weights; labeller.json comes last."""
    import torch

    place = folder / "labeller.json"
    facts = json.loads(place.read_text("utf-8"))
    facts["sha256"][FILES[2]] = weights.save({digest: torch.tensor(made)}, folder / FILES[2])
    facts["texts"] = {digest: FILES[2]}
    facts["measured"]["texts"] = numbers
    place.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
