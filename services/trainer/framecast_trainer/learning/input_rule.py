"""How a picture becomes the network's input tensor: `ModelBundle.Input`, which serving follows too."""

from collections.abc import Sequence

from framecast.v1.model_bundle_pb2 import ModelBundle

Input = ModelBundle.Input

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


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
    """Value of the padding per channel in 0..1, before normalisation; the mean where padding follows it."""
    if rule.HasField("pad_value"):
        return (rule.pad_value * rule.scale,) * 3
    red, green, blue = rule.mean
    return (red, green, blue)


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
