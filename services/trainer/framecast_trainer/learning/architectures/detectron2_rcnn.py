"""Faster and Mask R-CNN as Detectron2's model zoo has them, on torchvision's modules.

Names and the order of classes are torchvision's, the background first; `weight_files.detectron2` translates.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign, roi_align

from framecast_trainer.learning.architectures.detectron2_backbone import ZooBackbone, build_backbone

_SIZES = (32, 64, 128, 256, 512)
_RATIOS = (0.5, 1.0, 2.0)
_RES5_CHANNELS = 2048
_MLP = 1024
_MASK_CHANNELS = 256
_SMALLEST_PROPOSAL = 1e-6
"""The zoo drops proposals without area; torchvision keeps those of exactly the smallest size."""


def strides_of(kind: ZooBackbone) -> tuple[int, ...]:
    """Of the pooled levels."""
    return (4, 8, 16, 32) if kind.neck == "FPN" else (16,)


def size_multiple(kind: ZooBackbone) -> int:
    """What the sides of the input are padded to."""
    return 32 if kind.neck == "FPN" else 1


def build_zoo(kind: ZooBackbone, class_count: int, *, with_masks: bool) -> FasterRCNN:
    """The network with `class_count` classes besides the background."""
    backbone, res5 = build_backbone(kind)
    pyramid, strides = kind.neck == "FPN", strides_of(kind)
    levels = [str(i) for i in range(len(strides))]
    if pyramid:
        anchors = ZooAnchors(tuple((size,) for size in _SIZES), (*strides, 64))
    else:
        anchors = ZooAnchors((_SIZES,), strides)
    channels = int(backbone.out_channels)  # type: ignore[arg-type]  # a plain attribute
    pool = AlignedPool(levels, 7 if res5 is None else 14, strides)
    features = _MLP if res5 is None else _RES5_CHANNELS
    options: dict[str, Any] = {
        "rpn_anchor_generator": anchors,
        "rpn_head": RPNHead(channels, anchors.num_anchors_per_location()[0]),
        "rpn_pre_nms_top_n_train": 2000 if pyramid else 12000,
        "rpn_pre_nms_top_n_test": 1000 if pyramid else 6000,
        "rpn_post_nms_top_n_train": 1000 if pyramid else 2000,
        "rpn_post_nms_top_n_test": 1000,
        "box_roi_pool": pool,
        "box_head": TwoMLPHead(channels * 7 * 7, _MLP) if res5 is None else Res5BoxHead(res5),
        "box_predictor": FastRCNNPredictor(features, class_count + 1),
    }
    if not with_masks:
        network = FasterRCNN(backbone, **options)
    else:
        options["mask_roi_pool"] = AlignedPool(levels, 14, strides)
        if res5 is None:
            options["mask_head"] = MaskRCNNHeads(channels, (_MASK_CHANNELS,) * 4, 1)
        else:
            options["mask_head"] = BorrowedHead(res5)
        inputs = _MASK_CHANNELS if res5 is None else _RES5_CHANNELS
        options["mask_predictor"] = MaskRCNNPredictor(inputs, _MASK_CHANNELS, class_count + 1)
        network = MaskRCNN(backbone, **options)
    network.rpn.min_size = _SMALLEST_PROPOSAL
    return network


class ZooAnchors(AnchorGenerator):  # type: ignore[misc]  # torchvision is not typed
    """Anchors that are not rounded, sizes before ratios, and that move by the level's stride."""

    def __init__(self, sizes: tuple[tuple[int, ...], ...], strides: Sequence[int]) -> None:
        super().__init__(sizes, (_RATIOS,) * len(sizes))
        self.strides = tuple(strides)

    def generate_anchors(
        self,
        scales: Sequence[int],
        aspect_ratios: Sequence[float],
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> Tensor:
        widths = [(math.sqrt(size * size / ratio), ratio) for size in scales for ratio in aspect_ratios]
        boxes = [(-width / 2, -width * ratio / 2, width / 2, width * ratio / 2) for width, ratio in widths]
        return torch.tensor(boxes, dtype=dtype, device=device)

    def grid_anchors(self, grid_sizes: list[list[int]], strides: list[list[Tensor]]) -> list[Tensor]:
        # torchvision would move them by image side // cells.
        device = self.cell_anchors[0].device
        fixed = [[torch.tensor(stride, device=device)] * 2 for stride in self.strides]
        anchors: list[Tensor] = super().grid_anchors(grid_sizes, fixed)
        return anchors


class AlignedPool(MultiScaleRoIAlign):  # type: ignore[misc]
    """RoIAlign shifted by half a pixel, as many samples as a bin has pixels, from levels of known strides."""

    aligned = True

    def __init__(self, levels: list[str], side: int, strides: Sequence[int]) -> None:
        super().__init__(levels, side, 0, canonical_scale=224, canonical_level=4)
        self.strides = tuple(strides)

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        rois = torch.cat([torch.cat((torch.full_like(b[:, :1], i), b), dim=1) for i, b in enumerate(boxes)])
        maps = [x[name] for name in self.featmap_names]
        pooled = maps[0].new_zeros(len(rois), maps[0].shape[1], *self.output_size)
        levels = self._levels(rois)
        for level, (features, stride) in enumerate(zip(maps, self.strides, strict=True)):
            chosen = torch.where(levels == level)[0]
            part = roi_align(features, rois[chosen], self.output_size, 1.0 / stride, self.sampling_ratio, aligned=True)
            pooled = pooled.index_copy(0, chosen, part.to(pooled.dtype))
        return pooled

    def _levels(self, rois: Tensor) -> Tensor:
        """Equation 1 of Lin et al., Feature Pyramid Networks (2017), counted from the finest level."""
        if len(self.strides) == 1:
            return torch.zeros(len(rois), dtype=torch.int64, device=rois.device)
        sides = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).sqrt()
        levels = torch.floor(self.canonical_level + torch.log2(sides / self.canonical_scale + 1e-8))
        finest = int(math.log2(self.strides[0]))
        return (levels - finest).clamp(0, len(self.strides) - 1).to(torch.int64)


class Res5BoxHead(nn.Module):
    """C4: the last stage of the ResNet on pooled regions [R, 1024, 14, 14] → its mean [R, 2048]."""

    def __init__(self, res5: nn.Module) -> None:
        super().__init__()
        self.res5 = res5

    def forward(self, pooled: Tensor) -> Tensor:
        return torch.as_tensor(self.res5(pooled)).mean(dim=(2, 3))


class BorrowedHead(nn.Module):
    """Runs a module that belongs to another: its parameters are neither listed nor saved twice."""

    def __init__(self, owner_of_weights: nn.Module) -> None:
        super().__init__()
        self._borrowed = (owner_of_weights,)

    @property
    def borrowed(self) -> nn.Module:
        return self._borrowed[0]

    def forward(self, pooled: Tensor) -> Tensor:
        return torch.as_tensor(self.borrowed(pooled))
