import math
from typing import Any

import pytest

from framecast.errors import InvalidArgumentError
from framecast_trainer.job_request import ConfigRequest, resolve_config
from framecast_trainer.library import LIBRARY, find_architecture


def test_open_fields_take_the_architectures_defaults() -> None:
    config = resolve_config(ConfigRequest(epochs=7), LIBRARY["yolov5n"], project="demo")
    defaults = LIBRARY["yolov5n"].defaults
    assert (config.epochs, config.batch_size, config.image_size) == (7, defaults.batch_size, defaults.image_size)
    assert (config.augment, config.seed, config.backbone) == (True, 0, "")


def test_the_first_backbone_is_the_default_and_brings_its_own_defaults() -> None:
    assert resolve_config(ConfigRequest(), LIBRARY["mask_rcnn"], project="demo").backbone == "small"
    large = resolve_config(ConfigRequest(backbone="resnet50"), LIBRARY["mask_rcnn"], project="demo")
    assert large.image_size == LIBRARY["mask_rcnn"].backbone_defaults["resnet50"].image_size


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("batch_size", 0),
        ("image_size", 16),
        ("image_size", 100),  # no multiple of 32
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("learning_rate", 11.0),
        ("weight_decay", -0.1),
        ("weight_decay", math.nan),
        ("seed", -1),
        ("max_duration", 0.0),
        ("max_duration", -5.0),
        ("weights", "../../etc/passwd"),
        ("weights", "DEFAULT"),  # yolov5n has no published ones
        ("weights", "projects/other/blobs/" + "a" * 64),
        ("backbone", "resnet5"),
    ],
)
def test_values_out_of_range_are_refused_by_name(field: str, value: Any) -> None:
    attribute = "max_duration_s" if field == "max_duration" else field
    with pytest.raises(InvalidArgumentError) as caught:
        resolve_config(ConfigRequest(**{attribute: value}), LIBRARY["yolov5n"], project="demo")
    assert caught.value.field == f"training_job.config.{field}"
    assert caught.value.metadata["value"] == str(value)


@pytest.mark.parametrize("weights", ["", "random", "DEFAULT", "IMAGENET1K_V1", "ResNet18_Weights.DEFAULT"])
def test_names_of_weights_pass(weights: str) -> None:
    assert resolve_config(ConfigRequest(weights=weights), LIBRARY["resnet18"], project="demo").weights == weights


def test_names_of_another_networks_weights_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="a member of ResNet18_Weights such as `DEFAULT`"):
        resolve_config(ConfigRequest(weights="VGG16_Weights.DEFAULT"), LIBRARY["resnet18"], project="demo")


def test_published_weights_choose_the_backbone_and_are_refused_for_another_network() -> None:
    chosen = resolve_config(ConfigRequest(weights="faster_rcnn_R_50_C4_1x"), LIBRARY["faster_rcnn"], project="demo")
    assert (chosen.backbone, chosen.weights, chosen.image_size) == ("R_50_C4", "faster_rcnn_R_50_C4_1x", 800)
    assert resolve_config(ConfigRequest(weights="yolov5x"), LIBRARY["yolov5"], project="demo").backbone == "x"
    for architecture, backbone in (("mask_rcnn", ""), ("faster_rcnn", "R_50_C4"), ("yolov5n", "")):
        request = ConfigRequest(weights="faster_rcnn_R_101_FPN_3x", backbone=backbone)
        with pytest.raises(InvalidArgumentError) as refused:
            resolve_config(request, LIBRARY[architecture], project="demo")
        assert refused.value.reason == "WEIGHTS_MISMATCH"
        assert refused.value.field == "training_job.config.weights"


def test_an_unknown_architecture_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(InvalidArgumentError, match=r"did you mean .*yolov5n"):
        find_architecture("yolov5nano")
    with pytest.raises(InvalidArgumentError, match="the library has faster_rcnn"):
        find_architecture("")
