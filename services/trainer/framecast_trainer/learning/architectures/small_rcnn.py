"""A Faster, Mask or Keypoint R-CNN that a CPU trains in minutes: torchvision's detector around a body of three short
stages."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, KeypointRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork, MultiScaleRoIAlign

LEVELS = ("0", "1", "2")
STRIDES = (4, 8, 16)
_WIDTHS = (24, 48, 96)
_CHANNELS = 64
_MLP = 256


class SmallBackbone(nn.Module):
    """Three conv-BN-ReLU stages of strides 4, 8, 16 under a feature pyramid with batch normalisation."""

    out_channels = _CHANNELS

    def __init__(self) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int, stride: int) -> nn.Module:
            layer: nn.Module = Conv2dNormActivation(inputs, outputs, 3, stride)
            return layer

        first, second, third = _WIDTHS
        self.body = nn.ModuleList(
            [
                nn.Sequential(conv(3, first, 2), conv(first, first, 2), conv(first, first, 1)),
                nn.Sequential(conv(first, second, 2), conv(second, second, 1)),
                nn.Sequential(conv(second, third, 2), conv(third, third, 1)),
            ]
        )
        self.fpn = FeaturePyramidNetwork(list(_WIDTHS), _CHANNELS, norm_layer=nn.BatchNorm2d)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps: OrderedDict[str, Tensor] = OrderedDict()
        x = images
        for name, stage in zip(LEVELS, self.body, strict=True):
            x = stage(x)
            maps[name] = x
        levels: dict[str, Tensor] = self.fpn(maps)
        return levels


def build_small(class_count: int, image_size: int, *, with_masks: bool, keypoints: int = 0) -> FasterRCNN:
    """torchvision's detector with `class_count` classes besides the background; `keypoints` 0: it finds none."""
    backbone = SmallBackbone()
    scale, level = image_size // 2, 3

    def pool(side: int) -> MultiScaleRoIAlign:
        return MultiScaleRoIAlign(list(LEVELS), side, 1, canonical_scale=scale, canonical_level=level)

    anchors = AnchorGenerator(tuple((max(8, round(image_size * share)),) for share in _ANCHOR_SHARES), ((1.0,),) * 3)
    options = {
        "rpn_anchor_generator": anchors,
        "rpn_head": RPNHead(_CHANNELS, anchors.num_anchors_per_location()[0]),
        "rpn_pre_nms_top_n_train": 300,
        "rpn_pre_nms_top_n_test": 600,
        "rpn_post_nms_top_n_train": 100,
        "rpn_post_nms_top_n_test": 300,
        "rpn_batch_size_per_image": 128,
        "box_roi_pool": pool(7),
        "box_head": TwoMLPHead(_CHANNELS * 7 * 7, _MLP),
        "box_predictor": FastRCNNPredictor(_MLP, class_count + 1),
        "box_batch_size_per_image": 64,
    }
    if keypoints:
        options["keypoint_roi_pool"] = pool(14)
        options["keypoint_head"] = KeypointRCNNHeads(_CHANNELS, (64, 64))
        options["keypoint_predictor"] = KeypointRCNNPredictor(64, keypoints)
        return KeypointRCNN(backbone, **options)
    if not with_masks:
        return FasterRCNN(backbone, **options)
    options["mask_roi_pool"] = pool(14)
    options["mask_head"] = MaskRCNNHeads(_CHANNELS, (64, 64), 1)
    options["mask_predictor"] = MaskRCNNPredictor(64, 64, class_count + 1)
    return MaskRCNN(backbone, **options)


_ANCHOR_SHARES = (0.125, 0.2, 0.3)
"""Sides of the square anchors, as shares of the image size."""


def fit_square_anchors(sizes: Tensor) -> list[int]:
    """One side per level that suits boxes of these sizes (float32 [N, 2], tensor pixels): quantiles of their scale."""
    sides = sizes.prod(dim=1).sqrt()
    quantiles = torch.quantile(sides, torch.tensor([0.15, 0.5, 0.85]))
    return [max(4, round(float(side))) for side in quantiles]
