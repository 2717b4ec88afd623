"""The ResNet bodies of Detectron2's model zoo: one level of stride 16 (C4, DC5) or a feature pyramid (FPN).

torchvision's ResNet with what the zoo does otherwise: batch normalisation is frozen, the first block of a stage strides
in its 1x1 convolution (but for ResNeXt), and DC5 dilates its last stage in every block.
"""

from dataclasses import dataclass
from typing import Any

import torchvision
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d

PYRAMID_CHANNELS = 256
STAGES = ("layer1", "layer2", "layer3", "layer4")


@dataclass(frozen=True)
class ZooBackbone:
    """What the name of a zoo configuration says of its network."""

    resnet: str
    """torchvision's name."""
    neck: str
    """`C4`, `DC5` or `FPN`."""

    @property
    def is_resnext(self) -> bool:
        return self.resnet.startswith("resnext")


ZOO_BACKBONES = {
    "R_50_C4": ZooBackbone("resnet50", "C4"),
    "R_50_DC5": ZooBackbone("resnet50", "DC5"),
    "R_50_FPN": ZooBackbone("resnet50", "FPN"),
    "R_101_C4": ZooBackbone("resnet101", "C4"),
    "R_101_DC5": ZooBackbone("resnet101", "DC5"),
    "R_101_FPN": ZooBackbone("resnet101", "FPN"),
    "X_101_32x8d_FPN": ZooBackbone("resnext101_32x8d", "FPN"),
}


class SingleLevel(nn.Module):
    """Images → one feature level of stride 16, under the name `0`."""

    def __init__(self, resnet: nn.Module, last: str, channels: int) -> None:
        super().__init__()
        self.body = IntermediateLayerGetter(resnet, {last: "0"})
        self.out_channels = channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        levels: dict[str, Tensor] = self.body(images)
        return levels


def build_backbone(kind: ZooBackbone) -> tuple[nn.Module, nn.Module | None]:
    """The backbone, with `out_channels`, and for C4 the stage that is left to run on regions."""
    resnet: Any = torchvision.models.get_model(kind.resnet, weights=None, norm_layer=FrozenBatchNorm2d)
    if not kind.is_resnext:
        for stage in STAGES[1:]:
            _stride_first(getattr(resnet, stage)[0])
    if kind.neck == "C4":
        return SingleLevel(resnet, "layer3", 1024), resnet.layer4
    if kind.neck == "DC5":
        _dilate(resnet.layer4)
        return SingleLevel(resnet, "layer4", 2048), None
    levels = {stage: str(i) for i, stage in enumerate(STAGES)}
    return BackboneWithFPN(resnet, levels, [256, 512, 1024, 2048], PYRAMID_CHANNELS), None


def _stride_first(block: Any) -> None:
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _dilate(stage: Any) -> None:
    """The stage keeps the resolution of the one before, and sees as far as if it did not."""
    first = stage[0]
    first.conv1.stride = first.conv2.stride = first.downsample[0].stride = (1, 1)
    for block in stage:
        block.conv2.dilation = block.conv2.padding = (2, 2)
