"""Small frame models with random weights, written and loaded the way real ones are."""

from dataclasses import replace
from pathlib import Path

from pipeline.frames.blank import Fusion

from pipeline.frames.classifier import save_frame_model


def make_frame_model(
    folder: Path, backbone: str = "test_efficientnet", size=(64, 96), onnx: bool = True, **args
) -> dict:
    """A model folder with a random network; returns what was written to frame.json."""
    import torch

    from pipeline.frames.network import FrameNet

    torch.manual_seed(1)
    network = FrameNet(backbone, 8, backbone_args=args)
    facts = {
        "name": f"random {backbone}",
        "backbone": backbone,
        "backbone_args": args,
        "hidden": 8,
        "size": list(size),
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "fusion": Fusion().to_json(),
        "training": {},
    }
    return save_frame_model(network, facts, folder, onnx)


def with_threshold(model, threshold: float):
    """The model, hiding from another p_blank on."""
    return replace(model, fusion=replace(model.fusion, threshold=threshold))
