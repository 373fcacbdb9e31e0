"""Small frame models with random weights, written and loaded the way real ones are."""

from pathlib import Path

from pipeline.frames.blank import Fusion
from pipeline.frames.classifier import save_frame_model

FUSION = Fusion(  # every input counts a little; no measured numbers
    means=(0.0, -3.0, -4.0),
    spreads=(1.0, 1.0, 1.0),
    weights=(1.0, 0.5, 0.5),
    bias=0.0,
    alone_weight=1.0,
    alone_bias=0.0,
    threshold=0.5,
    sure=0.05,
)


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
        "fusion": FUSION.to_json(),
        "training": {},
    }
    return save_frame_model(network, facts, folder, onnx)
