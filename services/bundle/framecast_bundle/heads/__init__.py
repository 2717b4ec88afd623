"""Heads: how the answers of a bundle's graphs become predictions. One file per kind of network."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import Engine
from framecast_bundle.heads.anchors import AnchorHead
from framecast_bundle.heads.classification import ClassificationHead
from framecast_bundle.heads.keypoints import KeypointHead
from framecast_bundle.heads.rcnn import RcnnHead
from framecast_bundle.heads.segmentation import SegmentationHead
from framecast_bundle.heads.yolov5 import YoloV5Head
from framecast_bundle.heads.yolox import YoloXHead
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings


class Head(Protocol):
    """Runs a bundle's graphs and decodes what they answer. Holds no state of a call."""

    def predict(
        self,
        engine: Engine,
        tensors: npt.NDArray[np.float32],
        placements: Sequence[Placement],
        settings: Sequence[Settings],
    ) -> list[Prediction]:
        """Predicts tensors float32 [B, 3, height, width]; B placements and settings, B predictions in their order."""


_HEADS: Mapping[str, Callable[[ModelBundle], Head]] = {
    "yolov5": YoloV5Head,
    "yolox": YoloXHead,
    "rcnn": RcnnHead,
    "anchors": AnchorHead,
    "keypoints": KeypointHead,
    "segmentation": SegmentationHead,
    "classification": ClassificationHead,
}


def make_head(manifest: ModelBundle) -> Head:
    """The head that a manifest describes; InvalidArgumentError where it has none."""
    kind = manifest.WhichOneof("head")
    if kind is None:
        raise InvalidArgumentError(f"the bundle has no head; set one of {', '.join(_HEADS)}", field="head")
    return _HEADS[kind](manifest)
