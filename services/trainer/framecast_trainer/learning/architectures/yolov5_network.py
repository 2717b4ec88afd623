"""The YOLOv5 network, release 6.0: CSP backbone, PANet neck, three levels of anchors.

Written from the published description; layer numbers are the published ones, so that state-dict names read
`model.0.conv.weight` … `model.24.m.2.bias`.
"""

import math

import torch
from torch import Tensor, nn

from framecast_trainer.learning.architectures.yolov5_layers import C3, SPPF, Concat, Conv, Detect

STRIDES = (8, 16, 32)
COCO_ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
"""The published anchors, in pixels of a 640 px input."""
MULTIPLES = {"n": (0.33, 0.25), "s": (0.33, 0.50), "m": (0.67, 0.75), "l": (1.0, 1.0), "x": (1.33, 1.25)}
"""Depth and width by size."""
_EARLIER = {12: 6, 16: 4, 19: 14, 22: 10}
"""Concatenations: layer → the earlier layer that joins."""
_DETECTED = (17, 20, 23)

_TYPICAL_SIDE, _TYPICAL_OBJECTS = 640, 8
"""A picture's side in pixels, and how many objects it shows."""
_CERTAIN_LOGIT = 10.0


class YoloV5Network(nn.Module):
    """Images [B, 3, H, W] in 0..1, sides multiples of 32 → raw logits [B, A*(5+C), H/s, W/s] for s in `STRIDES`."""

    def __init__(self, size: str, class_count: int) -> None:
        super().__init__()
        depth_multiple, width_multiple = MULTIPLES[size]

        def width(channels: int) -> int:
            return math.ceil(channels * width_multiple / 8) * 8

        def depth(count: int) -> int:
            return max(1, round(count * depth_multiple))

        c64, c128, c256, c512, c1024 = (width(c) for c in (64, 128, 256, 512, 1024))
        anchors = torch.tensor(COCO_ANCHORS, dtype=torch.float32) / torch.tensor(STRIDES).view(3, 1, 1)
        self.model = nn.ModuleList(
            [
                Conv(3, c64, 6, 2, 2),
                Conv(c64, c128, 3, 2),
                C3(c128, c128, depth(3)),
                Conv(c128, c256, 3, 2),
                C3(c256, c256, depth(6)),
                Conv(c256, c512, 3, 2),
                C3(c512, c512, depth(9)),
                Conv(c512, c1024, 3, 2),
                C3(c1024, c1024, depth(3)),
                SPPF(c1024, c1024),
                Conv(c1024, c512, 1),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Concat(),
                C3(2 * c512, c512, depth(3), shortcut=False),
                Conv(c512, c256, 1),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Concat(),
                C3(2 * c256, c256, depth(3), shortcut=False),
                Conv(c256, c256, 3, 2),
                Concat(),
                C3(2 * c256, c512, depth(3), shortcut=False),
                Conv(c512, c512, 3, 2),
                Concat(),
                C3(2 * c512, c1024, depth(3), shortcut=False),
                Detect(class_count, anchors, [c256, c512, c1024]),
            ]
        )
        self._init_head_bias(class_count)

    @property
    def detect(self) -> Detect:
        head = self.model[-1]
        assert isinstance(head, Detect)
        return head

    @property
    def anchors(self) -> Tensor:
        """float32 [levels, A, 2], in input pixels."""
        strides = torch.tensor(STRIDES, device=self.detect.anchors.device).view(3, 1, 1)
        return self.detect.anchors * strides

    def set_anchors(self, pixels: Tensor) -> None:
        """pixels: float32 [levels, A, 2]."""
        strides = torch.tensor(STRIDES, device=pixels.device).view(3, 1, 1)
        self.detect.anchors.copy_(pixels / strides)

    def _init_head_bias(self, class_count: int) -> None:
        """Starts from what to expect before any picture was seen, so that the first steps are not spent on silence.

        As in "Focal Loss for Dense Object Detection" (Lin et al., 2017), section 4.1: a bias is the logit of its prior.
        Few cells hold one of a picture's objects. The class is asked of such cells only, where each is as likely.
        """
        # The only class is never asked for and its logit stays where it starts: certain.
        class_bias = _logit(1 / class_count) if class_count > 1 else _CERTAIN_LOGIT
        for conv, stride in zip(self.detect.m, STRIDES, strict=True):
            assert isinstance(conv, nn.Conv2d)
            assert conv.bias is not None
            cells = (_TYPICAL_SIDE / stride) ** 2
            with torch.no_grad():
                bias = conv.bias.view(self.detect.anchors.shape[1], -1)
                bias[:, 4] = _logit(_TYPICAL_OBJECTS / cells)
                bias[:, 5:] = class_bias

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        kept: dict[int, Tensor] = {}
        x = images
        for i, layer in enumerate(self.model[:-1]):
            x = layer(x, kept[_EARLIER[i]]) if i in _EARLIER else layer(x)
            if i in _EARLIER.values() or i in _DETECTED:
                kept[i] = x
        outputs: tuple[Tensor, ...] = self.detect(*(kept[i] for i in _DETECTED))
        return outputs


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
