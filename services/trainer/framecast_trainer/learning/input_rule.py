"""How a picture becomes the network's input tensor: `ModelBundle.Input`, which serving follows too."""

from collections.abc import Sequence

import torch
from torch import Tensor

from framecast.v1.model_bundle_pb2 import ModelBundle

Input = ModelBundle.Input

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_ZOO_MEAN = (103.53, 116.28, 123.675)
_ZOO_RESNEXT_STD = (57.375, 57.12, 58.395)


def letterbox_center(side: int) -> Input:
    """YOLOv5's: a square, centred, padded with gray 114, pixels in 0..1."""
    return Input(
        resize=Input.LETTERBOX_CENTER,
        width=side,
        height=side,
        stride=32,
        color_order=Input.RGB,
        scale=1 / 255,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        pad_value=114,
        round_to_uint8=True,
    )


def letterbox_top_left(side: int, stride: int) -> Input:
    """A square, top-left aligned, normalised as ImageNet, padded with 0 afterwards."""
    return _imagenet(Input.LETTERBOX_TOP_LEFT, side, side, stride)


def shortest_side(shortest: int, longest: int) -> Input:
    """torchvision's detectors: sides follow the picture."""
    return _imagenet(Input.SHORTEST_SIDE, longest, shortest, 32)


def zoo_shortest_side(shortest: int, longest: int, stride: int, *, resnext: bool) -> Input:
    """Detectron2's model zoo: sides rounded, averaged down, blue first, the means of its pixels taken off in 0..255."""
    return Input(
        resize=Input.SHORTEST_SIDE,
        width=longest,
        height=shortest,
        stride=stride,
        color_order=Input.BGR,
        scale=1,
        mean=_ZOO_MEAN,
        std=_ZOO_RESNEXT_STD if resnext else (1, 1, 1),
        antialias=True,
        round_sides=True,
    )


def stretch(side: int, mean: Sequence[float], std: Sequence[float]) -> Input:
    """SSD's: both sides to one length, whatever the aspect; mean and std of pixels in 0..1."""
    return Input(
        resize=Input.STRETCH,
        width=side,
        height=side,
        stride=1,
        color_order=Input.RGB,
        scale=1 / 255,
        mean=mean,
        std=std,
    )


def center_crop(side: int) -> Input:
    """ImageNet classifiers: the middle 7/8 of the shorter side."""
    rule = _imagenet(Input.CENTER_CROP, side, side, 1)
    rule.crop_fraction = 0.875
    return rule


def padding(rule: Input) -> tuple[float, float, float]:
    """Red, green and blue of the padding in 0..1, before normalisation; the mean where padding follows it."""
    if rule.HasField("pad_value"):
        return (rule.pad_value / 255,) * 3
    first, second, third = (mean / (255 * rule.scale) for mean in rule.mean)
    return (third, second, first) if rule.color_order == Input.BGR else (first, second, third)


def normalise(images: Tensor, rule: Input) -> Tensor:
    """RGB pixels [B, 3, H, W] in 0..1 → what the network takes; may write into them."""
    if rule.color_order == Input.BGR:
        images = images.flip(1).contiguous(memory_format=torch.channels_last)
    gain, mean, std = 255 * rule.scale, *(torch.tensor(tuple(v))[:, None, None] for v in (rule.mean, rule.std))
    if abs(gain - 1) > 1e-6:
        images.mul_(gain)
    return images.sub_(mean).div_(std)


def _imagenet(resize: "Input.Resize.ValueType", width: int, height: int, stride: int) -> Input:
    return Input(
        resize=resize,
        width=width,
        height=height,
        stride=stride,
        color_order=Input.RGB,
        scale=1 / 255,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
