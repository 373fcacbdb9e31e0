"""What the labeller is shown of a training picture: a crop as a run takes it, and the frame."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.classifier import FrameModel, load_frame_model, squeeze
from pipeline.frames.crop import cut, detector_box, evidence_box
from pipeline.frames.detector import load_detector
from pipeline.train.pictures import Example, read_pixels


class Views:
    """Where the starter detector is sure, its box; else where the starter frame model sees most.

    Each picture stands alone: what its camera usually shows, which a run also weighs, is not known.
    """

    def __init__(self) -> None:
        self._detector = load_detector()

    @cached_property
    def _frame(self) -> FrameModel:
        return load_frame_model()

    def __call__(self, example: Example) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Crop and whole frame, (h, w, 3) each. An unreadable picture stops the training."""
        pixels = read_pixels(example)
        height, width = pixels.shape[:2]
        [seen] = self._detector.run([squeeze(pixels, self._detector.size)])
        worth = self._detector.evidence
        sure = [
            box
            for box in seen.boxes
            if worth.weighed(box, seen.confidences) >= worth.sure(box.category)
        ]
        box = detector_box(sure, height, width)
        if box is None:
            output = self._frame.run([self._frame.prepare(pixels)])
            box = evidence_box(output.attention[0], None, height, width)
        return cut(pixels, box), pixels
