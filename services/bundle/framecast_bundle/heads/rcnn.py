"""Faster, Mask and Keypoint R-CNN: `dense` → proposals → `boxes` → suppression → `masks` or `keypoints`, cut where a
threshold applies."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.anchor_grid import AnchorLevel, anchor_grid
from framecast_bundle.detections import Candidates, Detections, suppress
from framecast_bundle.engine import Engine, Tensor, refuse_shape, run_graph, run_graph_keeping
from framecast_bundle.graphs import find_graph
from framecast_bundle.mask_output import as_polygons, shape_masks
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Keypoints, Prediction
from framecast_bundle.roi_levels import roi_inputs
from framecast_bundle.settings import MaskFormat, Settings, class_filter, score_thresholds
from framecast_bundle.sigmoid import sigmoid

FloatArray = npt.NDArray[np.float32]


class RcnnHead:
    """The stages after `dense` run picture by picture: how many regions a neighbour has then changes nothing.

    Graphs and tensors, shapes with k pooled levels and RPN levels l:
    - `dense`: one input [B, 3, H, W]; `features_i` [B, D, h_i, w_i], `objectness_l` [B, A, h, w] logits,
      `deltas_l` [B, A * 4, h, w];
    - `boxes`: `features_i`, `rois_i` [R_i, 5] (batch index, x0, y0, x1, y1 in tensor pixels); `class_logits`
      [R, C + 1] background first, `deltas` [R, 4 * (C + 1)], rows by level;
    - `masks`, for instance segmentation: the same inputs; `masks` [R, C, M, M] probabilities;
    - `keypoints`, for keypoint detection: the same inputs; `heatmaps` [R, J, M, M] logits.
    """

    def __init__(self, manifest: ModelBundle) -> None:
        head = manifest.rcnn
        self._manifest = manifest
        self._head = head
        self._input = find_graph(manifest, "dense").inputs[0].name
        self._features = [f"features_{level}" for level in range(head.pooled_levels)]
        levels = range(len(head.anchor_levels))
        self._objectness = [f"objectness_{level}" for level in levels]
        self._deltas = [f"deltas_{level}" for level in levels]
        self._anchor_levels = [
            AnchorLevel(
                np.array(level.base_anchors, dtype=np.float32).reshape(-1, 4),
                stride=level.stride,
                whole_steps=not level.stride,
            )
            for level in head.anchor_levels
        ]
        self._proposal_weights = tuple(head.proposal_box_weights)
        self._box_weights = tuple(head.box_weights)
        self._with_masks = manifest.task == Task.TASK_INSTANCE_SEGMENTATION
        self._keypoints = 0
        if manifest.task == Task.TASK_KEYPOINT_DETECTION:
            self._keypoints = len(manifest.categories[0].keypoints)

    def predict(
        self, engine: Engine, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """See `Head.predict`."""
        outputs, pooled = run_graph_keeping(
            engine, "dense", {self._input: tensors}, self._objectness + self._deltas, keep=self._features
        )
        objectness, deltas = outputs[: len(self._objectness)], outputs[len(self._objectness) :]
        # Boxes are clipped to the resized picture, not to the padded tensor.
        sizes = np.array([(placement.height, placement.width) for placement in placements], dtype=np.float32)
        proposals, splits = self._propose(objectness, deltas, tensors.shape[2:], sizes)
        allowed = class_filter(settings, self._manifest)
        predictions = []
        for index, (placement, setting) in enumerate(zip(placements, settings, strict=True)):
            features = {name: level[index : index + 1] for name, level in zip(self._features, pooled, strict=True)}
            found, logits = self._detect(
                engine,
                features,
                proposals[splits[index] : splits[index + 1]],
                placement,
                setting,
                None if allowed is None else allowed[index : index + 1],
            )
            prediction = found.prediction(placement, logits=logits)
            if self._with_masks and setting.mask_format != MaskFormat.NONE:
                prediction = self._with_masks_of(engine, features, found, prediction, setting)
            if self._keypoints:
                prediction = self._with_keypoints(engine, features, found, prediction, placement)
            predictions.append(prediction)
        return predictions

    def _propose(
        self,
        objectness: Sequence[FloatArray],
        deltas: Sequence[FloatArray],
        tensor_size: tuple[int, ...],
        image_sizes: FloatArray,
    ) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        batch = len(image_sizes)
        flat_objectness, flat_deltas, grids = [], [], []
        for level, (logits, level_deltas) in enumerate(zip(objectness, deltas, strict=True)):
            anchors = len(self._anchor_levels[level].base)
            rows, columns = logits.shape[2:]
            if logits.shape[1] != anchors:
                raise refuse_shape("dense", self._objectness[level], logits.shape, f"{anchors} anchors on axis 1")
            if level_deltas.shape != (batch, anchors * 4, rows, columns):
                expected = str([batch, anchors * 4, rows, columns])
                raise refuse_shape("dense", self._deltas[level], level_deltas.shape, expected)
            grids.append((rows, columns))
            # From planes to anchors in the order y, x, anchor.
            flat_objectness.append(logits.transpose(0, 2, 3, 1).reshape(batch, -1))
            by_anchor = level_deltas.reshape(batch, anchors, 4, rows, columns)
            flat_deltas.append(by_anchor.transpose(0, 3, 4, 1, 2).reshape(batch, -1, 4))
        grid, level_sizes = anchor_grid(self._anchor_levels, (tensor_size[0], tensor_size[1]), grids)
        boxes, _, splits = framecast_core.decode_proposals(
            np.ascontiguousarray(np.concatenate(flat_objectness, axis=1)),
            np.ascontiguousarray(np.concatenate(flat_deltas, axis=1)),
            grid,
            level_sizes,
            image_sizes,
            pre_nms_top_n=self._head.pre_nms_top_n,
            post_nms_top_n=self._head.post_nms_top_n,
            nms_threshold=self._head.proposal_nms_threshold,
            score_threshold=self._head.proposal_score_threshold,
            min_size=self._head.proposal_min_size,
            box_weights=self._proposal_weights,
        )
        return boxes, splits

    def _detect(
        self,
        engine: Engine,
        features: Mapping[str, Tensor],
        proposals: FloatArray,
        placement: Placement,
        settings: Settings,
        allowed: npt.NDArray[np.bool_] | None,
    ) -> tuple[Detections, FloatArray | None]:
        columns = len(self._manifest.categories) + 1
        class_logits = np.empty((len(proposals), columns), dtype=np.float32)
        deltas = np.empty((len(proposals), 4 * columns), dtype=np.float32)
        if len(proposals):
            rois, order = roi_inputs(proposals, self._head)
            outputs = run_graph(engine, "boxes", {**features, **rois}, ["class_logits", "deltas"])
            for name, output, target in zip(["class_logits", "deltas"], outputs, [class_logits, deltas], strict=True):
                if output.shape != target.shape:
                    raise refuse_shape("boxes", name, output.shape, str(list(target.shape)))
                target[order] = output
        boxes, scores, classes, sources, splits = framecast_core.decode_boxes(
            class_logits,
            deltas,
            np.ascontiguousarray(proposals),
            np.array([0, len(proposals)], dtype=np.int64),
            np.array([[placement.height, placement.width]], dtype=np.float32),
            score_thresholds=score_thresholds([settings]),
            class_filter=allowed,
            min_size=self._head.box_min_size,
            box_weights=self._box_weights,
        )
        (found,) = suppress(Candidates(boxes, scores, classes, splits), [placement], [settings], self._manifest)
        return found, class_logits[sources[found.rows]] if settings.logits else None

    def _with_masks_of(
        self,
        engine: Engine,
        features: Mapping[str, Tensor],
        found: Detections,
        prediction: Prediction,
        settings: Settings,
    ) -> Prediction:
        count = len(found.scores)
        masks = np.empty((0, 1, 1), dtype=np.float32)
        if count:
            rois, order = roi_inputs(found.tensor_boxes, self._head)
            (output,) = run_graph(engine, "masks", {**features, **rois}, ["masks"])
            if output.ndim != 4 or output.shape[:2] != (count, len(self._manifest.categories)):
                raise refuse_shape("masks", "masks", output.shape, f"[{count}, {len(self._manifest.categories)}, M, M]")
            masks = np.empty((count, *output.shape[2:]), dtype=np.float32)
            masks[order] = output[np.arange(count), found.class_indices[order]]
        as_outlines = settings.mask_format == MaskFormat.POLYGONS
        polygons = framecast_core.masks_to_polygons(
            masks,
            found.boxes,
            np.tile(np.array([[prediction.height, prediction.width]], dtype=np.int32), (count, 1)),
            threshold=self._head.mask_threshold,
            rdp_thresholds=np.full(count, settings.rdp_threshold if as_outlines else 0.0, dtype=np.float32),
            exact_boxes=self._head.exact_mask_boxes,
        )
        prediction = dataclasses.replace(prediction, polygons=as_polygons(polygons))
        return prediction if as_outlines else shape_masks(prediction, settings)

    def _with_keypoints(
        self,
        engine: Engine,
        features: Mapping[str, Tensor],
        found: Detections,
        prediction: Prediction,
        placement: Placement,
    ) -> Prediction:
        count = len(found.scores)
        heatmaps = np.empty((0, self._keypoints, 1, 1), dtype=np.float32)
        if count:
            rois, order = roi_inputs(found.tensor_boxes, self._head)
            (output,) = run_graph(engine, "keypoints", {**features, **rois}, ["heatmaps"])
            if output.ndim != 4 or output.shape[:2] != (count, self._keypoints):
                raise refuse_shape("keypoints", "heatmaps", output.shape, f"[{count}, {self._keypoints}, M, M]")
            heatmaps = np.empty_like(output)
            heatmaps[order] = output
        points, peaks = framecast_core.decode_keypoints(heatmaps, found.tensor_boxes)
        keypoints = Keypoints(points=placement.points_to_source(points), scores=sigmoid(peaks))
        return dataclasses.replace(prediction, keypoints=keypoints)
