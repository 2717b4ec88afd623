"""Open fields take the architecture's defaults; wrong ones are refused by name."""

from typing import Any

import pytest
import torch

from framecast.errors import InvalidArgumentError, NotFoundError
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.config import TrainConfig, resolve_config


@pytest.mark.parametrize("name", ["resnet18", "yolov5n", "yolov5s", "faster_rcnn", "mask_rcnn"])
def test_defaults_are_filled_in(name: str):
    resolved = resolve_config(TrainConfig(architecture=name, device="cpu"))
    defaults = ARCHITECTURES[name].defaults
    assert (resolved.epochs, resolved.batch_size, resolved.image_size) == (
        defaults.epochs,
        defaults.batch_size,
        defaults.image_size,
    )
    assert resolved.learning_rate == defaults.learning_rate


def test_a_backbone_brings_its_own_defaults():
    assert resolve_config(TrainConfig(architecture="mask_rcnn")).backbone == "small"
    assert resolve_config(TrainConfig(architecture="mask_rcnn", backbone="resnet50")).image_size == 800
    assert resolve_config(TrainConfig(architecture="mask_rcnn", backbone="resnet50", image_size=320)).image_size == 320


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", -1),
        ("image_size", 100),
        ("image_size", 16),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("weight_decay", -0.1),
        ("seed", -1),
        ("max_duration", 0.0),
        ("device", "tpu"),
        ("backbone", "resnet50"),
    ],
)
def test_a_value_out_of_range_is_refused_by_field(field: str, value: Any):
    name = "max_duration_s" if field == "max_duration" else field
    with pytest.raises(InvalidArgumentError) as caught:
        resolve_config(TrainConfig(architecture="yolov5n", **{name: value}))
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["yolov5n", "resnet18"])
def test_a_single_value_per_channel_is_refused_before_it_has_to_be_normalised(name: str):
    entry = ARCHITECTURES[name]
    with pytest.raises(InvalidArgumentError) as caught:
        resolve_config(TrainConfig(architecture=name, batch_size=1, image_size=32))
    assert caught.value.field == "batch_size"

    # The nearest that is accepted can be learnt from.
    for batch_size, image_size in ((2, 32), (1, 64)):
        config = resolve_config(TrainConfig(architecture=name, batch_size=batch_size, image_size=image_size))
        learner = entry.build(BuildRequest(class_count=2, image_size=config.image_size))
        learner.network.train()(torch.zeros(config.batch_size, 3, config.image_size, config.image_size))


def test_an_unknown_architecture_is_refused_with_the_nearest():
    with pytest.raises(NotFoundError, match="did you mean yolov5"):
        resolve_config(TrainConfig(architecture="yolo5n"))


def test_an_unknown_backbone_is_refused_with_the_nearest():
    with pytest.raises(InvalidArgumentError, match="did you mean 'resnet50'"):
        resolve_config(TrainConfig(architecture="mask_rcnn", backbone="resnet101"))
