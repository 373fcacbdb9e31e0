"""Small detectors with random weights, written and loaded the way real ones are."""

from pathlib import Path

from pipeline.frames.detector import save_detector
from pipeline.frames.evidence import Evidence, Levels

EVIDENCE = Evidence(  # no measured numbers
    human=Levels(call=0.6, look=0.4),
    vehicle=Levels(call=0.6, look=0.4),
    animal=0.5,
    animal_usual=0.3,
    against_animal=0.25,
    blank_weight=0.5,
    blank_middle=0.5,
)


def make_detector(folder: Path, size=(64, 96), onnx: bool = True) -> dict:
    """A model folder with a random network; returns what was written to detector.json."""
    import torch

    from pipeline.frames.detector_network import DetectorNet

    torch.manual_seed(2)
    facts = {
        "name": "random",
        "size": list(size),
        "evidence": EVIDENCE.to_json(),
        "training": {},
    }
    return save_detector(DetectorNet(), facts, folder, onnx)
