"""The network against its published parameter counts; `test_published_outputs` has what it answers."""

import pytest
import torch
from torch import nn

from framecast_trainer.learning.architectures.yolov5_network import YoloV5Network


@pytest.mark.parametrize(
    ("size", "trained", "fused"),
    [
        ("n", 1_872_157, 1_867_405),
        ("s", 7_235_389, 7_225_885),
        ("m", 21_190_557, 21_172_173),
        ("l", 46_563_709, 46_533_693),
        ("x", 86_749_405, 86_705_005),
    ],
)
def test_parameter_counts_are_the_published_ones(size: str, trained: int, fused: int):
    with torch.device("meta"):
        network = YoloV5Network(size, class_count=80)
    assert sum(p.numel() for p in network.parameters()) == trained
    # Fusing leaves a bias per channel of the scale and shift that batch normalisation had.
    channels = sum(m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert trained - channels == fused


def test_any_multiple_of_32_is_an_input():
    network = YoloV5Network("n", class_count=2).eval()
    with torch.no_grad():
        shapes = [tuple(output.shape) for output in network(torch.zeros(1, 3, 64, 96))]
    assert shapes == [(1, 21, 8, 12), (1, 21, 4, 6), (1, 21, 2, 3)]


@pytest.mark.parametrize(("class_count", "class_prior"), [(1, 1.0), (2, 0.5), (80, 1 / 80)])
def test_biases_start_at_what_to_expect(class_count: int, class_prior: float):
    network = YoloV5Network("n", class_count)
    for conv, stride in zip(network.detect.m, (8, 16, 32), strict=True):
        assert isinstance(conv, nn.Conv2d)
        assert conv.bias is not None
        prior = conv.bias.detach().sigmoid().view(3, 5 + class_count)
        # Over the cells of a picture of 640 px they add up to the objects that it may show.
        assert (prior[:, 4] * (640 / stride) ** 2).tolist() == pytest.approx([8] * 3, rel=1e-4)
        assert prior[:, 5:].flatten().tolist() == pytest.approx([class_prior] * 3 * class_count, rel=1e-4)
