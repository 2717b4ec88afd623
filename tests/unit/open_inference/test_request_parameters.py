"""Settings given as the protocol's parameters."""

from typing import Any

import pytest

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast.v1.annotation_pb2 import Category
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.settings import Settings
from framecast_inference.open_inference.request_parameters import (
    check_no_settings,
    parameter_names,
    read_settings,
    settings_as_parameters,
)
from framecast_inference.open_inference.v2.model_infer_pb2 import InferParameter

MODEL = ModelBundle(
    task=Task.TASK_OBJECT_DETECTION,
    categories=[Category(id=index, name=name) for index, name in enumerate(["car", "truck, large", "bus"])],
)


def parameter(value: Any) -> InferParameter:
    """As tritonclient chooses the field."""
    for kind, field in ((str, "string_param"), (bool, "bool_param"), (int, "int64_param"), (float, "double_param")):
        if isinstance(value, kind):
            made = InferParameter()
            setattr(made, field, value)
            return made
    return InferParameter()


def read(**values: Any) -> InferenceSettings:
    return read_settings({name: parameter(value) for name, value in values.items()}, MODEL)


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
    settings = read_settings({"max_detections": InferParameter(uint64_param=3)}, MODEL)
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
        ("category_confidence_thresholds", "car"),
        ("category_confidence_thresholds", "[0.5]"),
        ("category_confidence_thresholds", '{"car": "0.5"}'),
        ("category_confidence_thresholds", '{"car": true}'),
        ("category_confidence_thresholds", '{"car": 1.01}'),
        ("category_confidence_thresholds", '{"car": NaN}'),
        ("category_confidence_thresholds", '{"car": 1e300}'),
        ("category_confidence_thresholds", '{"car": 1' + "0" * 400 + "}"),
        ("category_confidence_thresholds", '{"tram": 0.5}'),
        ("category_confidence_thresholds", 0.5),
        ("window_width", 31),
        ("window_overlap", 0.91),
        ("augment", 1),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_parameters_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read(**{name: value})
    assert caught.value.field is not None
    assert caught.value.field.split("[")[0] == f"parameters.{name}"


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="'confidence_threshold'") as caught:
        read(confidence_treshold=0.5)
    assert caught.value.field == "parameters.confidence_treshold"


def test_a_bare_graph_takes_no_settings() -> None:
    with pytest.raises(InvalidArgumentError, match="confidence_threshold"):
        check_no_settings({"confidence_threshold": InferParameter(double_param=0.5)})


def test_settings_in_force_come_back_as_they_can_be_given() -> None:
    settings = Settings(
        confidence_threshold=0.3,
        categories=("bus", "truck, large"),
        category_confidence_thresholds=(("bus", 0.7), ("truck, large", 0.0)),
        augment=True,
        window_width=640,
        window_overlap=0.9,
    )
    said = dict(settings_as_parameters(settings))
    assert set(said) == set(parameter_names())
    assert said["confidence_threshold"].double_param == 0.3
    expected = settings.to_proto()
    for field in ("mask_format", "logits", "debug_picture"):
        expected.ClearField(field)
    assert read_settings(said, MODEL) == expected


@pytest.mark.parametrize(("name", "value"), [("mask_format", "NONE"), ("logits", True), ("debug_picture", True)])
def test_what_has_no_tensor_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UnimplementedError, match="not supported by this protocol") as caught:
        read(**{name: value})
    assert caught.value.metadata["field"] == f"parameters.{name}"
