"""The weights a detector starts from: NanoDet-Plus-m, trained on COCO, as an ONNX file.

The file names its tensors as the conversion from ncnn left them; here is which is which. Of COCO's
80 names the head keeps those in SEEN.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.frames.detector_network import DetectorNet

# Rows of the file's last layers: the names of SEEN in COCO's order, then the distances.
_ROWS = [*range(14, 24), 0, 1, 2, 3, 5, 6, 7, *range(80, 112)]
_GHOST = ("squeezed", "squeezed_cheap", "spread", "spread_cheap", "short_each", "short")
_NECK = {
    "downward.0": "convrelu_38 convdwrelu_0 conv_56 convdw_182 convdw_183 conv_57",
    "downward.1": "convrelu_40 convdwrelu_1 conv_59 convdw_185 convdw_186 conv_60",
    "upward.0": "convrelu_42 convdwrelu_3 conv_63 convdw_189 convdw_190 conv_64",
    "upward.1": "convrelu_44 convdwrelu_5 conv_67 convdw_193 convdw_194 conv_68",
}
_PAIRS = {
    "neck.steps.0": "convdwrelu_2 convrelu_41",
    "neck.steps.1": "convdwrelu_4 convrelu_43",
    "neck.further_given": "convdwrelu_6 convrelu_46",
    "neck.further_made": "convdwrelu_7 convrelu_45",
    "heads.0.pairs.0": "convdwrelu_8 convrelu_47",
    "heads.0.pairs.1": "convdwrelu_9 convrelu_54",
    "heads.1.pairs.0": "convdwrelu_10 convrelu_48",
    "heads.1.pairs.1": "convdwrelu_11 convrelu_53",
    "heads.2.pairs.0": "convdwrelu_12 convrelu_49",
    "heads.2.pairs.1": "convdwrelu_13 convrelu_52",
    "heads.3.pairs.0": "convdwrelu_14 convrelu_50",
    "heads.3.pairs.1": "convdwrelu_15 convrelu_51",
}
_SINGLE = {
    "body.first": "convrelu_0",
    "neck.narrow.0": "convrelu_39",
    "neck.narrow.1": "convrelu_37",
    "neck.narrow.2": "convrelu_36",
}
_OUT = ("conv_73", "conv_76", "conv_79", "conv_82")  # of the four heads


def nanodet(path: Path) -> DetectorNet:
    """The network with the weights of a NanoDet-Plus-m ONNX file; WeightsError if it is another."""
    import torch

    tensors = _tensors(path)
    state = {}
    try:
        for ours, theirs in _names():
            state[f"{ours}.weight"] = tensors[f"{theirs}.w"]
            state[f"{ours}.bias"] = tensors[f"{theirs}.b"]
        for number, theirs in enumerate(_OUT):
            for kind, ending in (("weight", "w"), ("bias", "b")):
                state[f"heads.{number}.out.{kind}"] = tensors[f"{theirs}.{ending}"][_ROWS]
        network = DetectorNet()
        network.load_state_dict({name: torch.from_numpy(v.copy()) for name, v in state.items()})
    except (KeyError, IndexError, RuntimeError) as why:
        raise WeightsError(f"{path}: not NanoDet-Plus-m with COCO's 80 names: {why}") from why
    return network.eval()


def _tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(path)).graph
    except Exception as why:  # protobuf's own classes, by implementation, share no base but this
        raise WeightsError(f"{path}: no ONNX file: {str(why).splitlines()[0]}") from why
    return {t.name: numpy_helper.to_array(t).astype(np.float32) for t in graph.initializer}


def _names() -> Iterator[tuple[str, str]]:
    """Our name of each convolution but the last ones, and the file's."""
    yield from _SINGLE.items()
    yield from _blocks()
    for place, names in _NECK.items():
        for part, name in zip(_GHOST, names.split(), strict=True):
            yield f"neck.{place}.{part}", name
    for place, names in _PAIRS.items():
        each, across = names.split()
        yield f"{place}.each", each
        yield f"{place}.across", across


def _blocks() -> Iterator[tuple[str, str]]:
    """ShuffleNetV2's blocks: two numbers count on, of plain and of single-channel kernels."""
    plain, single = 1, 162
    for stage, repeats in enumerate((4, 8, 4)):
        for number in range(repeats):
            ours = f"body.stages.{stage}.{number}"
            yield f"{ours}.first", f"convrelu_{plain}"
            yield f"{ours}.last", f"convrelu_{plain + 1}"
            if number == 0:
                yield f"{ours}.beside", f"convdw_{single}"
                yield f"{ours}.beside_last", f"convrelu_{plain + 2}"
                single, plain = single + 1, plain + 1
            yield f"{ours}.middle", f"convdw_{single}"
            single, plain = single + 1, plain + 2
