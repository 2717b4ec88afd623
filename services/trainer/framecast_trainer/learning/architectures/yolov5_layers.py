"""Building blocks of the YOLOv5 network, written from its published description (release 6.0).

Attribute names are those of the published checkpoints, so that their tensors can be loaded by name.
"""

import torch
from torch import Tensor, nn

_EPS = 1e-3
_MOMENTUM = 0.1
"""Of batch normalisation. The published value, 0.03, is too slow for trainings of a few hundred steps."""


class Conv(nn.Module):
    """Convolution, batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        same = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, same, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=_EPS, momentum=_MOMENTUM)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class Bottleneck(nn.Module):
    """1x1 then 3x3, with a shortcut where asked."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1 = Conv(channels, channels, 1)
        self.cv2 = Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """Two half-width branches, one through bottlenecks, joined by a 1x1 convolution (CSP)."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool = True) -> None:
        super().__init__()
        hidden = outputs // 2
        self.cv1 = Conv(inputs, hidden, 1)
        self.cv2 = Conv(inputs, hidden, 1)
        self.cv3 = Conv(2 * hidden, outputs, 1)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))
        return y


class SPPF(nn.Module):
    """Spatial pyramid pooling: three 5x5 max pools in a row see 5, 9 and 13 cells."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs // 2
        self.cv1 = Conv(inputs, hidden, 1)
        self.cv2 = Conv(4 * hidden, outputs, 1)
        self.m = nn.MaxPool2d(kernel_size=5, stride=1, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        once = self.m(x)
        twice = self.m(once)
        y: Tensor = self.cv2(torch.cat((x, once, twice, self.m(twice)), dim=1))
        return y


class Concat(nn.Module):
    """Joins the current map with an earlier one."""

    def forward(self, x: Tensor, earlier: Tensor) -> Tensor:
        return torch.cat((x, earlier), dim=1)


class Detect(nn.Module):
    """A 1x1 convolution per level: anchors * (5 + classes) raw logits for each cell."""

    anchors: Tensor

    def __init__(self, class_count: int, anchors: Tensor, channels: list[int]) -> None:
        super().__init__()
        self.class_count = class_count
        self.register_buffer("anchors", anchors)  # [levels, A, 2], in units of the level's stride
        outputs = anchors.shape[1] * (5 + class_count)
        self.m = nn.ModuleList(nn.Conv2d(width, outputs, 1) for width in channels)

    def forward(self, *levels: Tensor) -> tuple[Tensor, ...]:
        return tuple(conv(level) for conv, level in zip(self.m, levels, strict=True))
