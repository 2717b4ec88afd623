"""Request, then bundle, then service: which setting counts, and which are refused."""

import math

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast.v1.inference_settings_pb2 import InferenceSettings, SettingSchema
from framecast_bundle.nearest_names import nearest_names
from framecast_bundle.setting_table import SETTINGS
from framecast_bundle.settings import (
    MaskFormat,
    Settings,
    class_filter,
    class_score_thresholds,
    effective_settings,
    score_thresholds,
    setting_schemas,
)
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


def test_the_table_has_every_field() -> None:
    assert [each.name for each in SETTINGS] == [field.name for field in InferenceSettings.DESCRIPTOR.fields]


def test_every_setting_travels_there_and_back() -> None:
    settings = Settings(
        confidence_threshold=0.5,
        category_confidence_thresholds=(("circle", 0.25), ("square", 1.0)),
        mask_format=MaskFormat.NONE,
        augment=True,
        window_width=640,
        window_height=480,
        window_overlap=0.5,
        debug_picture=True,
    )
    assert effective_settings(settings.to_proto(), MANIFEST).to_proto() == settings.to_proto()


@pytest.mark.parametrize("width", [0, 32, 8192])
@pytest.mark.parametrize("overlap", [0.0, 0.9])
def test_bounds_of_windows_pass(width: int, overlap: float) -> None:
    settings = effective_settings(InferenceSettings(window_width=width, window_overlap=overlap), MANIFEST)
    assert settings.window_width == width


@pytest.mark.parametrize(
    ("field", "value", "bounds"),
    [
        ("window_width", 31, r"0 or in \[32, 8192\]"),
        ("window_width", 8193, r"0 or in \[32, 8192\]"),
        ("window_width", -1, r"0 or in \[32, 8192\]"),
        ("window_height", 31, r"0 or in \[32, 8192\]"),
        ("window_overlap", -0.01, r"in \[0, 0\.9\]"),
        ("window_overlap", 0.901, r"in \[0, 0\.9\]"),
        ("window_overlap", math.nan, r"in \[0, 0\.9\]"),
        ("category_confidence_thresholds", {"circle": 1.001}, r"in \[0, 1\]"),
        ("category_confidence_thresholds", {"circle": -0.001}, r"in \[0, 1\]"),
        ("category_confidence_thresholds", {"circle": math.nan}, r"in \[0, 1\]"),
        ("mask_format", 17, "POLYGONS, RUN_LENGTHS, NONE"),
    ],
)
def test_what_is_out_of_range_is_refused_with_the_range(field: str, value: object, bounds: str) -> None:
    with pytest.raises(InvalidArgumentError, match=bounds) as refused:
        effective_settings(InferenceSettings(**{field: value}), MANIFEST)  # type: ignore[arg-type]
    assert refused.value.field is not None
    assert refused.value.field.startswith(f"settings.{field}")


def test_a_window_without_a_width_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="set window_width") as refused:
        effective_settings(InferenceSettings(window_height=64), MANIFEST)
    assert refused.value.field == "settings.window_width"


def test_a_requests_window_is_not_mixed_with_the_bundles() -> None:
    manifest = tiny_bundles.yolov5().manifest
    manifest.default_settings.CopyFrom(InferenceSettings(window_width=64, window_height=96))
    assert effective_settings(InferenceSettings(), manifest).window_height == 96
    assert effective_settings(InferenceSettings(window_width=128), manifest).window_height == 0
    off = effective_settings(InferenceSettings(window_width=0), manifest)
    assert (off.window_width, off.window_height) == (0, 0)


def test_what_a_model_cannot_give_is_refused() -> None:
    asked: list[tuple[str, InferenceSettings]] = [
        ("logits", InferenceSettings(logits=True)),
        ("mask_format", InferenceSettings(mask_format=InferenceSettings.RUN_LENGTHS)),
    ]
    for field, request in asked:
        with pytest.raises(UnimplementedError) as refused:
            effective_settings(request, MANIFEST)
        assert refused.value.metadata["field"] == f"settings.{field}"
    with pytest.raises(UnimplementedError, match=r"settings\.window_width"):
        effective_settings(InferenceSettings(window_width=64), tiny_bundles.classifier().manifest)
    # Nothing is asked for.
    effective_settings(InferenceSettings(logits=False, mask_format=InferenceSettings.NONE), MANIFEST)
    effective_settings(InferenceSettings(window_width=0), tiny_bundles.classifier().manifest)


def test_a_schema_says_what_the_model_has() -> None:
    manifest = tiny_bundles.yolov5().manifest
    manifest.default_settings.CopyFrom(InferenceSettings(confidence_threshold=0.25))
    schemas = {schema.name: schema for schema in setting_schemas(manifest)}
    assert "logits" not in schemas
    assert "rdp_threshold" not in schemas
    confidence = schemas["confidence_threshold"]
    assert (confidence.type, confidence.minimum, confidence.maximum) == (SettingSchema.NUMBER, 0.0, 1.0)
    assert confidence.default_json == "0.25"
    assert schemas["max_detections"].default_json == "300"
    assert schemas["categories"].choices == ["circle", "square", "triangle"]
    assert schemas["categories"].default_json == "[]"
    assert schemas["category_confidence_thresholds"].default_json == "{}"
    assert schemas["augment"].default_json == "false"
    assert not schemas["augment"].HasField("minimum")
    assert "logits" in {schema.name for schema in setting_schemas(tiny_bundles.classifier().manifest)}
    assert all(schema.description for schema in schemas.values())


def test_categories_may_have_thresholds_of_their_own() -> None:
    plain, own = Settings(confidence_threshold=0.5), Settings(category_confidence_thresholds=(("square", 0.25),))
    assert class_score_thresholds([plain], MANIFEST) is None
    np.testing.assert_array_equal(score_thresholds([own]) < np.array([0.25], np.float32), [True])
    by_class = class_score_thresholds([plain, own], MANIFEST)
    assert by_class is not None
    expected = np.array([[0.5, 0.5, 0.5], [0.6, 0.25, 0.6]], np.float32)
    np.testing.assert_array_equal(np.nextafter(by_class, np.float32(1)), expected)
