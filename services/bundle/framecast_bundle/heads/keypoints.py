"""Keypoints in one pass: of every object of a picture, or of the one that fills it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.detections import Candidates, Detections, suppress
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Keypoints, Prediction
from framecast_bundle.settings import Settings, class_filter, score_thresholds

FloatArray = npt.NDArray[np.float32]


class KeypointHead:
    """One graph `network`: an input, outputs `keypoints` [B, N, J, 3] and, unless one object fills the picture,
    `boxes` [B, N, 4] and `scores` [B, N, classes]."""

    def __init__(self, manifest: ModelBundle) -> None:
        graph = find_graph(manifest, "network")
        self._manifest = manifest
        self._input = graph.inputs[0].name
        self._one_object = "boxes" not in {tensor.name for tensor in graph.outputs}
        self._outputs = ["keypoints"] if self._one_object else ["keypoints", "boxes", "scores"]
        self._count = len(manifest.categories[0].keypoints)

    def predict(
        self, engine: Engine, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """See `Head.predict`."""
        keypoints, *rest = run_graph(engine, "network", {self._input: tensors}, self._outputs)
        batch = len(tensors)
        rows = 1 if self._one_object else keypoints.shape[1] if keypoints.ndim > 1 else 0
        shapes = [(batch, rows, self._count, 3), (batch, rows, 4), (batch, rows, len(self._manifest.categories))]
        for name, output, expected in zip(self._outputs, [keypoints, *rest], shapes, strict=False):
            if output.shape != expected:
                raise refuse_shape("network", name, output.shape, str(list(expected)))
        boxes, scores = rest or (_whole(placements), np.nan_to_num(keypoints[..., 2]).mean(axis=2, keepdims=True))
        candidates, sources = _candidates(boxes, scores, settings, class_filter(settings, self._manifest))
        predictions = []
        for index, (found, place) in enumerate(
            zip(suppress(candidates, placements, settings, self._manifest), placements, strict=True)
        ):
            chosen = keypoints[index, sources[found.rows]]
            predictions.append(_with_points(found, place, chosen))
        return predictions


def _whole(placements: Sequence[Placement]) -> FloatArray:
    regions = np.array([place.region for place in placements], dtype=np.float32)[:, None]
    regions[..., 2:] += regions[..., :2]
    return regions


def _candidates(
    boxes: FloatArray, scores: FloatArray, settings: Sequence[Settings], allowed: npt.NDArray[np.bool_] | None
) -> tuple[Candidates, npt.NDArray[np.int64]]:
    """Every object under its best class that passes, and which of the picture's N rows each candidate is."""
    if allowed is not None:
        scores = np.where(allowed[:, None], scores, -np.inf)
    best = np.argmax(np.nan_to_num(scores, nan=-np.inf), axis=2)
    top = np.take_along_axis(scores, best[..., None], axis=2)[..., 0]
    passed = (top > score_thresholds(settings)[:, None]) & np.isfinite(boxes).all(axis=2)
    picture, row = np.nonzero(passed)
    splits = np.searchsorted(picture, np.arange(len(scores) + 1)).astype(np.int64)
    found = Candidates(
        np.ascontiguousarray(boxes[picture, row]),
        np.ascontiguousarray(top[picture, row], dtype=np.float32),
        best[picture, row].astype(np.int32),
        splits,
    )
    return found, row


def _with_points(found: Detections, place: Placement, keypoints: FloatArray) -> Prediction:
    return found.prediction(
        place, keypoints=Keypoints(points=place.points_to_source(keypoints[..., :2]), scores=keypoints[..., 2])
    )
