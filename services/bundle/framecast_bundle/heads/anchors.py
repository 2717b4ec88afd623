"""SSD, RetinaNet and FCOS: anchors over a few levels, one graph to the scores and deltas of all of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.anchor_grid import AnchorLevel, anchor_grid
from framecast_bundle.detections import Candidates, suppress
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings, class_filter, score_thresholds

FloatArray = npt.NDArray[np.float32]
_Head = ModelBundle.AnchorHead


class AnchorHead:
    """One graph `network`: an input, outputs `class_logits` [B, N, columns], `deltas` [B, N, 4], for FCOS
    `centerness` [B, N], and at will `features`."""

    def __init__(self, manifest: ModelBundle) -> None:
        self._manifest = manifest
        self._head = manifest.anchors
        graph = find_graph(manifest, "network")
        self._input = graph.inputs[0].name
        self._with_features = "features" in {tensor.name for tensor in graph.outputs}
        self._levels = anchor_levels(manifest.anchors)
        self._columns = len(manifest.categories) + (self._head.decoder == _Head.SSD)
        self._outputs = ["class_logits", "deltas"]
        if self._head.decoder == _Head.FCOS:
            self._outputs.append("centerness")

    def predict(
        self, engine: Engine, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """See `Head.predict`."""
        names = [*self._outputs, *(["features"] if self._with_features else [])]
        outputs = run_graph(engine, "network", {self._input: tensors}, names)
        features = outputs.pop().reshape(len(tensors), -1) if self._with_features else [None] * len(tensors)
        anchors, level_sizes = anchor_grid(self._levels, (tensors.shape[2], tensors.shape[3]))
        rows = (len(tensors), len(anchors))
        shapes = [(*rows, self._columns), (*rows, 4), rows]
        for name, output, expected in zip(self._outputs, outputs, shapes, strict=False):
            if output.shape != expected:
                raise refuse_shape("network", name, output.shape, str(list(expected)))
        candidates, sources = self._decode(outputs, anchors, level_sizes, placements, settings)
        predictions = []
        for index, found in enumerate(suppress(candidates, placements, settings, self._manifest)):
            logits = outputs[0][index, sources[found.rows]] if settings[index].logits else None
            predictions.append(found.prediction(placements[index], features=features[index], logits=logits))
        return predictions

    def _decode(
        self,
        outputs: Sequence[FloatArray],
        anchors: FloatArray,
        level_sizes: npt.NDArray[np.int64],
        placements: Sequence[Placement],
        settings: Sequence[Settings],
    ) -> tuple[Candidates, npt.NDArray[np.int64]]:
        """The boxes that pass, and which of its picture's anchors each came from."""
        # What torchvision clips to: the resized picture, not the padded tensor.
        sizes = np.array([(placement.height, placement.width) for placement in placements], dtype=np.float32)
        thresholds, allowed = score_thresholds(settings), class_filter(settings, self._manifest)
        top_k = self._head.top_k
        if self._head.decoder == _Head.FCOS:
            logits, deltas, centerness = outputs
            boxes, scores, classes, sources, splits = framecast_core.decode_fcos(
                logits, centerness, deltas, anchors, level_sizes, sizes,
                score_thresholds=thresholds, class_filter=allowed, top_k=top_k,
            )  # fmt: skip
            return Candidates(boxes, scores, classes, splits), sources
        logits, deltas = outputs
        dx, dy, dw, dh = self._head.box_weights
        if self._head.decoder == _Head.SSD:
            boxes, scores, classes, sources, splits = framecast_core.decode_ssd(
                logits, deltas, anchors, sizes,
                score_thresholds=thresholds, class_filter=allowed, top_k=top_k, box_weights=(dx, dy, dw, dh),
            )  # fmt: skip
        else:
            boxes, scores, classes, sources, splits = framecast_core.decode_retinanet(
                logits, deltas, anchors, level_sizes, sizes,
                score_thresholds=thresholds, class_filter=allowed, top_k=top_k, box_weights=(dx, dy, dw, dh),
            )  # fmt: skip
        return Candidates(boxes, scores, classes, splits), sources


def anchor_levels(head: ModelBundle.AnchorHead) -> list[AnchorLevel]:
    """The levels of a head as the anchor grid takes them."""
    return [
        AnchorLevel(
            base=np.array(level.base_anchors, dtype=np.float32).reshape(-1, 4),
            stride=level.stride,
            whole_steps=level.whole_steps,
        )
        for level in head.levels
    ]
