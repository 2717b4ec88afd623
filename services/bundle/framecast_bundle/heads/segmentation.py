"""Semantic segmentation: a class for every pixel of the picture."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction, Segmentation
from framecast_bundle.settings import Settings, class_filter, score_thresholds

FloatArray = npt.NDArray[np.float32]


class SegmentationHead:
    """One graph `network`: an input, an output `logits` [B, channels, h, w] of any h and w, and at will `features`."""

    def __init__(self, manifest: ModelBundle) -> None:
        graph = find_graph(manifest, "network")
        names = [tensor.name for tensor in graph.outputs]
        self._manifest = manifest
        self._input = graph.inputs[0].name
        # An outside model has one output and calls it what it likes.
        self._outputs = ["logits" if "logits" in names else names[0]]
        if "features" in names:
            self._outputs.append("features")
        self._background_first = manifest.segmentation.background_first
        self._channels = len(manifest.categories) + self._background_first

    def predict(
        self, engine: Engine, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """See `Head.predict`."""
        logits, *rest = run_graph(engine, "network", {self._input: tensors}, self._outputs)
        batch = len(tensors)
        if logits.ndim != 4 or logits.shape[:2] != (batch, self._channels):
            expected = f"[{batch}, {self._channels}, height, width]"
            raise refuse_shape("network", self._outputs[0], logits.shape, expected)
        features = rest[0].reshape(batch, -1) if rest else None
        # Values of the map per pixel of the tensor.
        scale = np.array(logits.shape[:1:-1], dtype=np.float64) / tensors.shape[:1:-1]
        splits, lengths, classes, areas = framecast_core.decode_segmentation(
            logits,
            np.array([place.region * np.tile(scale, 2) for place in placements], dtype=np.float32),
            np.array([(place.image_height, place.image_width) for place in placements], dtype=np.int32),
            score_thresholds=score_thresholds(settings),
            class_filter=class_filter(settings, self._manifest),
            background_first=self._background_first,
        )
        return [
            Prediction(
                width=place.image_width,
                height=place.image_height,
                segmentation=Segmentation(lengths=lengths[start:stop], classes=classes[start:stop], areas=areas[index]),
                features=None if features is None else features[index],
            )
            for index, (place, (start, stop)) in enumerate(zip(placements, pairwise(splits.tolist()), strict=True))
        ]
