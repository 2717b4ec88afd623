"""YOLOv5: anchors on a grid per level, raw logits."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.detections import Candidates, suppress
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings, class_filter, score_thresholds


class YoloV5Head:
    """One graph `network`: an input, an output per level [B, anchors * (5 + classes), h, w]."""

    def __init__(self, manifest: ModelBundle) -> None:
        graph = find_graph(manifest, "network")
        levels = manifest.yolov5.levels
        self._manifest = manifest
        self._input = graph.inputs[0].name
        self._outputs = [tensor.name for tensor in graph.outputs]
        self._anchors = np.array([level.anchors for level in levels], dtype=np.float32).reshape(len(levels), -1, 2)
        self._strides = np.array([level.stride for level in levels], dtype=np.float32)
        self._channels = self._anchors.shape[1] * (5 + len(manifest.categories))

    def predict(
        self,
        engine: Engine,
        tensors: npt.NDArray[np.float32],
        placements: Sequence[Placement],
        settings: Sequence[Settings],
    ) -> list[Prediction]:
        """See `Head.predict`."""
        levels = run_graph(engine, "network", {self._input: tensors}, self._outputs)
        for name, logits, stride in zip(self._outputs, levels, self._strides, strict=True):
            height, width = (int(side // stride) for side in tensors.shape[2:])
            expected = (len(tensors), self._channels, height, width)
            if logits.shape != expected:
                raise refuse_shape("network", name, logits.shape, str(list(expected)))
        allowed, multi_label = class_filter(settings, self._manifest), self._manifest.yolov5.multi_label
        candidates = framecast_core.decode_yolov5(
            levels,
            self._anchors,
            self._strides,
            score_thresholds=score_thresholds(settings),
            class_filter=allowed if multi_label else None,
            multi_label=multi_label,
        )
        # As published: a box is of the class that it looks most like, and only then asked whether that is wanted.
        found = Candidates(*candidates) if multi_label else Candidates(*candidates).only(allowed)
        kept = suppress(found, placements, settings, self._manifest)
        return [detections.prediction(place) for detections, place in zip(kept, placements, strict=True)]
