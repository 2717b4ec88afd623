"""Request, then bundle, then service: which setting counts, and which are refused."""

import math

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_bundle.settings import Settings, class_filter, effective_settings, nearest_names, score_thresholds
from tests.unit.bundle import tiny_bundles

MANIFEST = tiny_bundles.yolov5().manifest


def test_open_fields_take_the_services_defaults() -> None:
    settings = effective_settings(InferenceSettings(), MANIFEST)
    assert settings == Settings(
        confidence_threshold=0.6,
        iou_threshold=0.3,
        rdp_threshold=0.005,
        max_detections=300,
        categories=(),
        class_agnostic=False,
    )


def test_request_goes_before_bundle_and_bundle_before_service() -> None:
    manifest = tiny_bundles.yolov5().manifest
    manifest.default_settings.CopyFrom(
        InferenceSettings(confidence_threshold=0.25, iou_threshold=0.5, class_agnostic=True, categories=["circle"])
    )
    request = InferenceSettings(iou_threshold=0.0, class_agnostic=False, max_detections=1, categories=["square"] * 2)
    settings = effective_settings(request, manifest)
    assert settings.confidence_threshold == 0.25
    assert settings.iou_threshold == 0.0
    assert settings.rdp_threshold == 0.005
    assert settings.max_detections == 1
    assert settings.class_agnostic is False
    assert settings.categories == ("square",)
    assert effective_settings(InferenceSettings(), manifest).categories == ("circle",)
    assert effective_settings(settings.to_proto(), MANIFEST).to_proto() == settings.to_proto()


@pytest.mark.parametrize("value", [-0.001, 1.001, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["confidence_threshold", "iou_threshold"])
def test_refuses_thresholds_out_of_range(field: str, value: float) -> None:
    request = InferenceSettings(**{field: value})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError) as refused:
        effective_settings(request, MANIFEST)
    assert refused.value.field == f"settings.{field}"
    assert "value" in refused.value.metadata


@pytest.mark.parametrize("value", [-0.001, 0.0101, 0.5, math.nan])
def test_refuses_coarseness_out_of_range(value: float) -> None:
    with pytest.raises(InvalidArgumentError, match=r"settings\.rdp_threshold"):
        effective_settings(InferenceSettings(rdp_threshold=value), MANIFEST)


def test_bounds_themselves_pass() -> None:
    for request in (
        InferenceSettings(confidence_threshold=0, iou_threshold=0, rdp_threshold=0, max_detections=1),
        InferenceSettings(confidence_threshold=1, iou_threshold=1, rdp_threshold=0.01, max_detections=10_000),
    ):
        effective_settings(request, MANIFEST)


@pytest.mark.parametrize("value", [0, -5, 10_001, 2**31 - 1])
def test_refuses_a_number_of_detections_out_of_range(value: int) -> None:
    with pytest.raises(InvalidArgumentError, match="10000"):
        effective_settings(InferenceSettings(max_detections=value), MANIFEST)


def test_unknown_category_names_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'triangle'") as refused:
        effective_settings(InferenceSettings(categories=["circle", "Triangel"]), MANIFEST)
    assert refused.value.field == "settings.categories"
    assert refused.value.metadata["value"] == "Triangel"


def test_nearest_names_ignores_case() -> None:
    assert nearest_names("DOG", ["cat", "dog", "bird"], 1) == ["dog"]


def test_class_filter_is_none_only_if_nobody_filters() -> None:
    assert class_filter([Settings(), Settings()], MANIFEST) is None
    allowed = class_filter([Settings(), Settings(categories=("triangle",))], MANIFEST)
    np.testing.assert_array_equal(allowed, [[True, True, True], [False, False, True]])


def test_score_equal_to_the_threshold_passes() -> None:
    thresholds = score_thresholds([Settings(confidence_threshold=value) for value in (0.0, 0.6, 1.0)])
    assert thresholds.dtype == np.float32
    assert np.float32(0.6) > thresholds[1]
    assert np.float32(1.0) > thresholds[2]
    assert thresholds[0] == 0
