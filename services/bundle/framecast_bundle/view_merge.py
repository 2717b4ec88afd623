"""What was seen in several views of a picture, as one prediction of it."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.cut_instances import CUT_TOLERANCE, group_parts, hidden_parts
from framecast_bundle.detections import strongest
from framecast_bundle.labels import reported_labels
from framecast_bundle.mask_output import outline_together, shape_masks
from framecast_bundle.polygons import Polygons, join_polygons
from framecast_bundle.prediction import FloatArray, IntArray, Prediction
from framecast_bundle.settings import Settings
from framecast_bundle.views import View

MAX_MERGED = 10_000
"""Instances of all views that are compared, the best first."""

BoolArray = npt.NDArray[np.bool_]


def merge_views(
    seen: Sequence[Prediction], views: Sequence[View], settings: Settings, manifest: ModelBundle
) -> Prediction:
    """One prediction of a picture from those of its views, of which the first is the whole picture.

    Classifiers' scores and logits are averaged. Of instances, the better one suppresses the other as within one view.
    One that a window's border cuts gives way to whole ones that cover it; what is left of an object in several windows
    becomes one instance with the box and the mask around all of it, and the best of their scores.
    """
    whole = views[0]
    if len(views) == 1:
        return seen[0]
    if seen[0].label_scores is not None:
        return _average(seen, settings, manifest)
    instances = _Instances.of(seen, views)
    instances = instances.take(strongest(instances.scores, MAX_MERGED))
    rows = np.flatnonzero(~instances.cut)
    intact = instances.take(rows[instances.take(rows).survivors(settings)])
    parts = instances.take(np.flatnonzero(instances.cut))
    parts = parts.take(np.flatnonzero(~hidden_parts(parts.boxes, parts.classes, intact.boxes, intact.classes)))
    groups = group_parts(parts.boxes, parts.classes, parts.windows)
    found = intact.followed_by(parts.unite(groups, whole.width, whole.height))
    found = found.take(found.survivors(settings)[: settings.max_detections])
    prediction = dataclasses.replace(
        seen[0],
        boxes=found.boxes,
        scores=found.scores,
        class_indices=found.classes,
        polygons=found.polygons,
        logits=found.logits,
    )
    return shape_masks(prediction, settings)


def _average(seen: Sequence[Prediction], settings: Settings, manifest: ModelBundle) -> Prediction:
    scores = _mean([each.label_scores for each in seen if each.label_scores is not None])
    logits = [each.label_logits for each in seen if each.label_logits is not None]
    labels = reported_labels(scores, settings, manifest)
    return dataclasses.replace(
        seen[0], labels=labels, label_scores=scores, label_logits=_mean(logits) if logits else None
    )


def _mean(values: Sequence[FloatArray]) -> FloatArray:
    return np.asarray(np.mean(np.stack(values), axis=0), dtype=np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class _Instances:
    """What all views have found, in source pixels."""

    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    windows: FloatArray
    """[N, 4] the view of each."""
    cut: BoolArray
    """[N] whether a border of its view that is not the picture's cuts it."""
    polygons: Polygons | None
    logits: FloatArray | None

    @classmethod
    def of(cls, seen: Sequence[Prediction], views: Sequence[View]) -> "_Instances":
        whole = views[0]
        placed = [each.to_picture(one, whole.width, whole.height) for one, each in zip(seen, views, strict=True)]
        counts = [len(one.scores) for one in placed]
        corners = [(view.x, view.y, view.x + view.width, view.y + view.height) for view in views]
        windows = np.repeat(np.array(corners, dtype=np.float32), counts, axis=0)
        boxes = np.concatenate([one.boxes for one in placed])
        inner = windows != np.array([0, 0, whole.width, whole.height], dtype=np.float32)
        tolerance = CUT_TOLERANCE * (windows[:, 2:] - windows[:, :2])
        near = np.column_stack([boxes[:, :2] <= windows[:, :2] + tolerance, boxes[:, 2:] >= windows[:, 2:] - tolerance])
        # A box shows what lies in its window; beyond it the network can only guess.
        inside = np.column_stack([np.maximum(boxes[:, :2], windows[:, :2]), np.minimum(boxes[:, 2:], windows[:, 2:])])
        outlines = [one.polygons for one in placed if one.polygons is not None]
        logits = [one.logits for one in placed if one.logits is not None]
        return cls(
            boxes=np.where(inner, inside, boxes),
            scores=np.concatenate([one.scores for one in placed]),
            classes=np.concatenate([one.class_indices for one in placed]),
            windows=windows,
            cut=(near & inner).any(axis=1),
            polygons=join_polygons(outlines) if outlines else None,
            logits=np.concatenate(logits) if logits else None,
        )

    def take(self, rows: npt.NDArray[np.int64]) -> "_Instances":
        return _Instances(
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            classes=self.classes[rows],
            windows=self.windows[rows],
            cut=self.cut[rows],
            polygons=None if self.polygons is None else self.polygons.take(rows),
            logits=None if self.logits is None else self.logits[rows],
        )

    def followed_by(self, others: "_Instances") -> "_Instances":
        polygons = None
        if self.polygons is not None and others.polygons is not None:
            polygons = join_polygons([self.polygons, others.polygons])
        logits = None
        if self.logits is not None and others.logits is not None:
            logits = np.concatenate([self.logits, others.logits])
        return _Instances(
            boxes=np.concatenate([self.boxes, others.boxes]),
            scores=np.concatenate([self.scores, others.scores]),
            classes=np.concatenate([self.classes, others.classes]),
            windows=np.concatenate([self.windows, others.windows]),
            cut=np.concatenate([self.cut, others.cut]),
            polygons=polygons,
            logits=logits,
        )

    def survivors(self, settings: Settings) -> npt.NDArray[np.int64]:
        """Rows by descending score that no better one suppresses."""
        rows, _ = framecast_core.nms(
            self.boxes,
            self.scores,
            self.classes,
            np.array([0, len(self.scores)], dtype=np.int64),
            iou_thresholds=np.array([settings.iou_threshold], dtype=np.float32),
            score_thresholds=np.array([-1.0], dtype=np.float32),
            max_detections=np.array([MAX_MERGED], dtype=np.int32),
            class_agnostic=np.array([settings.class_agnostic], dtype=np.bool_),
        )
        return rows

    def unite(self, groups: npt.NDArray[np.int64], width: int, height: int) -> "_Instances":
        """One instance for each group (a number per row): around all of its rows, else like the best of them."""
        order = np.lexsort((-self.scores, groups))
        firsts = np.flatnonzero(np.diff(groups[order], prepend=-1))
        best = self.take(order[firsts])
        if len(order) == 0:
            return best
        boxes = np.column_stack(
            [
                np.minimum.reduceat(self.boxes[order, :2], firsts, axis=0),
                np.maximum.reduceat(self.boxes[order, 2:], firsts, axis=0),
            ]
        )
        polygons = self.polygons
        if polygons is not None:
            members = np.split(order, firsts[1:])
            polygons = join_polygons([outline_together(polygons.take(rows), width, height) for rows in members])
        return dataclasses.replace(best, boxes=boxes, polygons=polygons)
