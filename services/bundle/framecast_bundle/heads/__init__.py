"""Heads: how the answers of a bundle's graphs become predictions. One file per kind of network."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import Engine
from framecast_bundle.heads.classification import ClassificationHead
from framecast_bundle.heads.rcnn import RcnnHead
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


def make_head(manifest: ModelBundle) -> Head:
    """The head that a manifest describes; InvalidArgumentError where it has none."""
    match manifest.WhichOneof("head"):
        case "yolov5":
            return YoloV5Head(manifest)
        case "yolox":
            return YoloXHead(manifest)
        case "rcnn":
            return RcnnHead(manifest)
        case "classification":
            return ClassificationHead(manifest)
    raise InvalidArgumentError("the bundle has no head; set one of yolov5, yolox, rcnn, classification", field="head")
