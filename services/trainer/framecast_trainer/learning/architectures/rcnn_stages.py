"""Faster, Mask and Keypoint R-CNN on torchvision's modules, cut where thresholds apply: `dense`, `boxes`, `masks`,
`keypoints`."""

import math

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.ops import MultiScaleRoIAlign, roi_align

from framecast_trainer.learning.architectures.detectron2_rcnn import BorrowedHead
from framecast_trainer.learning.architectures.learner import Port, Stage, counted


class DenseStage(nn.Module):
    """Images → pooled features, then objectness and deltas of every level of the proposal network."""

    def __init__(self, network: FasterRCNN) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.head = network.rpn.head
        self.pooled: list[str] = list(network.roi_heads.box_roi_pool.featmap_names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        levels: dict[str, Tensor] = self.backbone(images)
        objectness, deltas = self.head(list(levels.values()))
        return (*(levels[name] for name in self.pooled), *objectness, *deltas)


class _PooledStage(nn.Module):
    """Features and rois by level → one row per roi, level by level. A level may have no rois."""

    def __init__(self, pool: MultiScaleRoIAlign, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.sides = pool.output_size
        self.sampling_ratio = pool.sampling_ratio
        self.aligned = getattr(pool, "aligned", False)
        self.strides = strides

    def pool(self, tensors: tuple[Tensor, ...]) -> Tensor:
        count = len(self.strides)
        features, rois = tensors[:count], tensors[count:]
        return torch.cat(
            [
                roi_align(level, boxes, self.sides, 1.0 / stride, self.sampling_ratio, self.aligned)
                for level, boxes, stride in zip(features, rois, self.strides, strict=True)
            ]
        )


class BoxStage(_PooledStage):
    """→ class logits [R, C+1], background first, and deltas [R, 4(C+1)]."""

    def __init__(self, network: FasterRCNN, strides: tuple[int, ...]) -> None:
        super().__init__(network.roi_heads.box_roi_pool, strides)
        self.head = network.roi_heads.box_head
        self.predictor = network.roi_heads.box_predictor

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        logits, deltas = self.predictor(self.head(self.pool(tensors)))
        return logits, deltas


class MaskStage(_PooledStage):
    """→ mask probabilities [R, C, M, M] of the classes proper."""

    def __init__(self, network: FasterRCNN, strides: tuple[int, ...]) -> None:
        super().__init__(network.roi_heads.mask_roi_pool, strides)
        head = network.roi_heads.mask_head
        self.head = head.borrowed if isinstance(head, BorrowedHead) else head
        self.predictor = network.roi_heads.mask_predictor

    def forward(self, *tensors: Tensor) -> tuple[Tensor]:
        logits: Tensor = self.predictor(self.head(self.pool(tensors)))
        return (logits[:, 1:].sigmoid(),)


class KeypointStage(_PooledStage):
    """→ heat maps [R, J, M, M], logits."""

    def __init__(self, network: FasterRCNN, strides: tuple[int, ...]) -> None:
        super().__init__(network.roi_heads.keypoint_roi_pool, strides)
        self.head = network.roi_heads.keypoint_head
        self.predictor = network.roi_heads.keypoint_predictor

    def forward(self, *tensors: Tensor) -> tuple[Tensor]:
        return (self.predictor(self.head(self.pool(tensors))),)


def cut(network: FasterRCNN, strides: tuple[int, ...], class_count: int) -> list[Stage]:
    """strides: of the pooled levels, finest first."""
    channels = int(network.backbone.out_channels)
    anchors = network.rpn.anchor_generator.num_anchors_per_location()
    features = [
        Port(name, ("batch", channels, f"height_{i}", f"width_{i}"))
        for i, name in enumerate(counted("features", len(strides)))
    ]
    objectness = [
        Port(f"objectness_{i}", ("batch", count, f"grid_height_{i}", f"grid_width_{i}"))
        for i, count in enumerate(anchors)
    ]
    deltas = [
        Port(f"deltas_{i}", ("batch", 4 * count, f"grid_height_{i}", f"grid_width_{i}"))
        for i, count in enumerate(anchors)
    ]
    rois = [Port(name, (f"roi_count_{i}", 5)) for i, name in enumerate(counted("rois", len(strides)))]
    images = Port("images", ("batch", 3, "height", "width"))
    boxes = (Port("class_logits", ("rois", class_count + 1)), Port("deltas", ("rois", 4 * (class_count + 1))))
    stages = [
        Stage("dense", DenseStage(network), (images,), (*features, *objectness, *deltas)),
        Stage("boxes", BoxStage(network, strides), (*features, *rois), boxes),
    ]
    if network.roi_heads.has_mask():
        # The predictor doubles the side; before it, C4's last stage halves it.
        pooled = int(network.roi_heads.mask_roi_pool.output_size[0])
        side = pooled if isinstance(network.roi_heads.mask_head, BorrowedHead) else 2 * pooled
        masks = Port("masks", ("rois", class_count, side, side))
        stages.append(Stage("masks", MaskStage(network, strides), (*features, *rois), (masks,)))
    if network.roi_heads.has_keypoint():
        count = network.roi_heads.keypoint_predictor.out_channels
        side = 4 * int(network.roi_heads.keypoint_roi_pool.output_size[0])
        heatmaps = Port("heatmaps", ("rois", count, side, side))
        stages.append(Stage("keypoints", KeypointStage(network, strides), (*features, *rois), (heatmaps,)))
    return stages


def finest_level(strides: tuple[int, ...]) -> int:
    """log2 of the finest stride."""
    return int(math.log2(strides[0]))
