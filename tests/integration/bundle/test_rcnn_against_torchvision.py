"""The cut R-CNN against torchvision's own, uncut: the same weights, the same pictures, the same instances."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign, roi_align

from framecast.v1.annotation_pb2 import Category
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.polygons import Polygons
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_core import polygons_to_mask

CLASSES, DEPTH = 3, 16
LEVELS = ("0", "1", "2")
SETTINGS = Settings(confidence_threshold=0.05, iou_threshold=0.5, max_detections=100, rdp_threshold=0.0)


class Backbone(nn.Module):
    """Three stages at strides 4, 8, 16 under an FPN."""

    out_channels = DEPTH

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, DEPTH, 4, stride=4)
        self.stages = nn.ModuleList([nn.Conv2d(DEPTH, DEPTH, 3, stride=2, padding=1) for _ in range(2)])
        self.fpn = FeaturePyramidNetwork([DEPTH] * 3, DEPTH)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        planes = [torch.relu(self.stem(images))]
        for stage in self.stages:
            planes.append(torch.relu(stage(planes[-1])))
        features: dict[str, torch.Tensor] = self.fpn(OrderedDict(zip(LEVELS, planes, strict=True)))
        return features


def torchvision_model() -> MaskRCNN:
    torch.manual_seed(0)
    model = MaskRCNN(
        Backbone(),
        num_classes=CLASSES + 1,
        min_size=120,
        max_size=200,
        rpn_anchor_generator=AnchorGenerator(((20,), (36,), (64,)), ((0.5, 1.0, 2.0),) * 3),
        box_roi_pool=MultiScaleRoIAlign(LEVELS, 7, 2, canonical_scale=60, canonical_level=3),
        mask_roi_pool=MultiScaleRoIAlign(LEVELS, 7, 2, canonical_scale=60, canonical_level=3),
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_test=100,
        box_score_thresh=SETTINGS.confidence_threshold,
        box_nms_thresh=SETTINGS.iou_threshold,
        box_detections_per_img=SETTINGS.max_detections,
    )
    # Fresh heads answer zero everywhere; these make proposals, classes and masks of all kinds.
    for layer, spread in (
        (model.rpn.head.cls_logits, 1.0),
        (model.rpn.head.bbox_pred, 0.3),
        (model.roi_heads.box_predictor.cls_score, 1.0),
        (model.roi_heads.box_predictor.bbox_pred, 0.5),
        (model.roi_heads.mask_predictor.mask_fcn_logits, 1.0),
    ):
        nn.init.normal_(layer.weight, std=spread)
    return model.eval()


class CutModel:
    """Torchvision's network behind the engine's port: the graphs of a bundle without an export."""

    name = "torch"

    def __init__(self, model: MaskRCNN) -> None:
        self._model = model

    @torch.inference_mode()
    def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in inputs.items()}
        answers = self._dense(tensors) if graph == "dense" else self._regions(graph, tensors)
        return {name: value.numpy() for name, value in answers.items()}

    def close(self) -> None:
        pass

    def _dense(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        features = list(self._model.backbone(tensors["images"]).values())
        objectness, deltas = self._model.rpn.head(features)
        groups = {"features": features, "objectness": objectness, "deltas": deltas}
        return {f"{name}_{level}": value for name, group in groups.items() for level, value in enumerate(group)}

    def _regions(self, graph: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        heads = self._model.roi_heads
        size = (heads.box_roi_pool if graph == "boxes" else heads.mask_roi_pool).output_size
        pooled = torch.cat(
            [roi_align(tensors[f"features_{i}"], tensors[f"rois_{i}"], size, 0.25 / 2**i, 2) for i in range(3)]
        )
        if graph == "boxes":
            logits, deltas = heads.box_predictor(heads.box_head(pooled))
            return {"class_logits": logits, "deltas": deltas}
        return {"masks": heads.mask_predictor(heads.mask_head(pooled)).sigmoid()[:, 1:]}


def manifest_of(model: MaskRCNN) -> ModelBundle:
    def graph(name: str, inputs: str, outputs: str) -> ModelBundle.Graph:
        tensors = [[ModelBundle.Tensor(name=each) for each in side.split()] for side in (inputs, outputs)]
        return ModelBundle.Graph(name=name, inputs=tensors[0], outputs=tensors[1])

    head = ModelBundle.RcnnHead(
        anchor_levels=[
            ModelBundle.RcnnHead.AnchorLevel(base_anchors=cell.round().flatten().tolist())
            for cell in model.rpn.anchor_generator.cell_anchors
        ],
        pre_nms_top_n=200,
        post_nms_top_n=100,
        proposal_nms_threshold=0.7,
        proposal_min_size=1e-3,
        proposal_box_weights=[1, 1, 1, 1],
        box_weights=[10, 10, 5, 5],
        box_min_size=1e-2,
        pooled_levels=3,
        canonical_level=3,
        canonical_scale=60,
        finest_level=2,
        mask_threshold=0.5,
    )
    rule = ModelBundle.Input(
        resize=ModelBundle.Input.SHORTEST_SIDE,
        width=200,
        height=120,
        stride=32,
        color_order=ModelBundle.Input.RGB,
        scale=1 / 255,
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
    )
    return ModelBundle(
        task=Task.TASK_INSTANCE_SEGMENTATION,
        categories=[Category(id=index, name=str(index)) for index in range(CLASSES)],
        input=rule,
        graphs=[graph("dense", "images", ""), graph("boxes", "", ""), graph("masks", "", "")],
        rcnn=head,
    )


def drawn_mask(polygons: Polygons, instance: int, height: int, width: int) -> np.ndarray:
    rings = [ring for part in polygons.parts(instance) for ring in part]
    splits = np.cumsum([0, *(len(ring) for ring in rings)], dtype=np.int64)
    points = np.concatenate(rings) if rings else np.empty((0, 2), dtype=np.float32)
    return polygons_to_mask(points, splits, height, width).astype(bool)


@pytest.mark.parametrize("size", [(120, 160), (301, 222), (64, 64), (240, 90)])
def test_instances_equal_torchvisions(size: tuple[int, int]) -> None:
    model = torchvision_model()
    rng = np.random.default_rng(sum(size))
    height, width = size
    blocks = rng.integers(0, 256, (-(-height // 12), -(-width // 12), 3), dtype=np.uint8)
    picture = np.ascontiguousarray(blocks.repeat(12, 0).repeat(12, 1)[:height, :width])
    with Predictor(manifest_of(model), CutModel(model)) as predictor:
        (ours,) = predictor.predict([picture], [SETTINGS])
    with torch.inference_mode():
        (theirs,) = model([torch.from_numpy(picture).permute(2, 0, 1).float() / 255])

    assert len(ours.scores) == len(theirs["scores"]) > 10
    np.testing.assert_allclose(ours.scores, theirs["scores"].numpy(), atol=2e-5)
    np.testing.assert_array_equal(ours.class_indices, theirs["labels"].numpy() - 1)
    np.testing.assert_allclose(ours.boxes, theirs["boxes"].numpy(), atol=2e-3)
    assert ours.polygons is not None
    for index, mask in enumerate(theirs["masks"][:, 0].numpy() > 0.5):
        drawn = drawn_mask(ours.polygons, index, *size)
        assert drawn.sum() == ours.polygons.areas[index]
        # A box that rounds to another whole pixel moves an edge.
        assert (drawn != mask).sum() <= max(2, 0.005 * mask.sum())
