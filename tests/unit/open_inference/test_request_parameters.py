"""Settings given as the protocol's parameters."""

from typing import Any

import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_bundle.settings import Settings
from framecast_inference.open_inference.request_parameters import (
    check_no_settings,
    parameter_names,
    read_settings,
    settings_as_parameters,
)
from framecast_inference.open_inference.v2.model_infer_pb2 import InferParameter

CLASSES = ["car", "truck, large", "bus"]


def parameter(value: Any) -> InferParameter:
    """As tritonclient chooses the field."""
    for kind, field in ((str, "string_param"), (bool, "bool_param"), (int, "int64_param"), (float, "double_param")):
        if isinstance(value, kind):
            made = InferParameter()
            setattr(made, field, value)
            return made
    return InferParameter()


def read(**values: Any) -> InferenceSettings:
    return read_settings({name: parameter(value) for name, value in values.items()}, CLASSES)


def test_each_setting_can_be_given() -> None:
    assert read(
        confidence_threshold=0.25, iou_threshold=1, max_detections=7, class_agnostic=True, categories="bus, car"
    ) == InferenceSettings(
        confidence_threshold=0.25,
        iou_threshold=1,
        max_detections=7,
        class_agnostic=True,
        categories=["bus", "car"],
    )
    assert read() == InferenceSettings()
    assert read(categories='["truck, large"]').categories == ["truck, large"]


def test_an_unsigned_integer_is_a_number_too() -> None:
    settings = read_settings({"max_detections": InferParameter(uint64_param=3)}, CLASSES)
    assert settings.max_detections == 3


def test_what_triton_clients_send_by_themselves_passes() -> None:
    values = {"sequence_id": 5, "sequence_start": True, "sequence_end": False, "priority": 1, "timeout": 100}
    assert read(**values) == InferenceSettings()
    check_no_settings({name: parameter(value) for name, value in values.items()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confidence_threshold", 1.5),
        ("confidence_threshold", -0.01),
        ("confidence_threshold", float("nan")),
        ("confidence_threshold", 1e300),
        ("confidence_threshold", "0.5"),
        ("confidence_threshold", True),
        ("iou_threshold", 2),
        ("rdp_threshold", 0.02),
        ("max_detections", 0),
        ("max_detections", 10_001),
        ("max_detections", 2**40),
        ("max_detections", 2.0),
        ("class_agnostic", 1),
        ("categories", "bus, tram"),
        ("categories", 3),
        ("categories", "[1]"),
        ("categories", "[bus"),
        ("categories", "[" * 100_000),
        ("confidence_threshold", None),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_parameters_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read(**{name: value})
    assert caught.value.field == f"parameters.{name}"


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="'confidence_threshold'") as caught:
        read(confidence_treshold=0.5)
    assert caught.value.field == "parameters.confidence_treshold"


def test_a_bare_graph_takes_no_settings() -> None:
    with pytest.raises(InvalidArgumentError, match="confidence_threshold"):
        check_no_settings({"confidence_threshold": InferParameter(double_param=0.5)})


def test_settings_in_force_come_back_as_they_can_be_given() -> None:
    settings = Settings(confidence_threshold=0.3, categories=("bus", "truck, large"))
    said = dict(settings_as_parameters(settings))
    assert set(said) == set(parameter_names())
    assert said["confidence_threshold"].double_param == 0.3
    assert read_settings(said, CLASSES) == settings.to_proto()
