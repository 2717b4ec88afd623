"""A model from elsewhere and its descriptor: what is accepted, and how each mistake is named."""

import json
from typing import Any

import onnxruntime
import pytest

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle import outside_model
from framecast_bundle.descriptor import Section
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.manifest import from_json, to_json
from framecast_bundle.outside_model import build_outside_bundle
from tests.unit.bundle import tiny_bundles

YOLOX = """
task: object_detection
architecture: my_yolox
classes: [circle, square, triangle]
input:
  size: 64
  resize: letterbox_top_left
  color_order: bgr
  scale: 1.0
  pad_value: 114
head: {kind: yolox, strides: [8]}
defaults: {confidence_threshold: 0.3, max_detections: 50}
license: Apache-2.0
"""
YOLOV5: dict[str, Any] = {
    "task": "object_detection",
    "architecture": "my_yolov5",
    "classes": [{"id": 7, "name": "circle"}, {"id": 3, "name": "square"}, {"id": 9, "name": "triangle"}],
    "input": {"width": 64, "height": 64, "resize": "letterbox_center", "color_order": "RGB", "scale": 0.003921569},
    "head": {"kind": "yolov5", "strides": [8, 16], "anchors": [[8, 8, 16, 12], [[24, 24], [40, 32]]]},
}
CLASSIFIER: dict[str, Any] = {
    "task": "classification",
    "architecture": "my_classifier",
    "classes": "names.txt",
    "input": {"resize": "center_crop", "crop_fraction": 0.875, "color_order": "rgb", "scale": 1, "std": [255] * 3},
    "head": {"kind": "classification", "activation": "sigmoid"},
}


SEGMENTER: dict[str, Any] = {
    "task": "semantic_segmentation",
    "architecture": "my_segmenter",
    "classes": ["circle", "square", "triangle"],
    "input": {"size": 64, "resize": "letterbox_center", "color_order": "rgb", "scale": 0.003921569, "pad_value": 114},
    "head": {"kind": "segmentation", "background_first": True},
}
KEYPOINTS: dict[str, Any] = {
    "task": "keypoint_detection",
    "architecture": "my_pose",
    "classes": [{"id": 1, "name": "fish", "keypoints": ["head", "tail"]}],
    "input": {"size": 64, "resize": "letterbox_center", "color_order": "rgb", "scale": 0.003921569, "pad_value": 114},
    "head": {"kind": "keypoints"},
}


def onnx(bundle: tiny_bundles.TinyBundle) -> bytes:
    return bundle.files["network.onnx"]


def test_segmentation_and_keypoints_from_a_descriptor() -> None:
    manifest = build_outside_bundle(json.dumps(SEGMENTER).encode(), onnx(tiny_bundles.segmenter()))
    assert manifest.segmentation.background_first
    assert manifest.default_settings.confidence_threshold == 0
    manifest = build_outside_bundle(json.dumps(KEYPOINTS).encode(), onnx(tiny_bundles.keypoints(whole_picture=True)))
    assert manifest.WhichOneof("head") == "keypoints"
    assert list(manifest.categories[0].keypoints) == ["head", "tail"]


def test_graph_with_other_keypoints_or_channels_is_refused() -> None:
    three = [{"id": 1, "name": "fish", "keypoints": ["head", "fin", "tail"]}]
    no_background = {"kind": "segmentation"}
    for descriptor, graph in (
        (KEYPOINTS | {"classes": three}, onnx(tiny_bundles.keypoints(whole_picture=True))),
        (SEGMENTER | {"head": no_background}, onnx(tiny_bundles.segmenter())),
    ):
        with pytest.raises(FailedPreconditionError) as refused:
            build_outside_bundle(json.dumps(descriptor).encode(), graph)
        assert refused.value.reason == "GRAPH_MISMATCH"


def test_yolox_from_yaml() -> None:
    data = onnx(tiny_bundles.yolox())
    manifest = build_outside_bundle(YOLOX.encode(), data)
    assert manifest.task == Task.TASK_OBJECT_DETECTION
    assert [(category.id, category.name) for category in manifest.categories] == [
        (0, "circle"),
        (1, "square"),
        (2, "triangle"),
    ]
    assert manifest.input.resize == ModelBundle.Input.LETTERBOX_TOP_LEFT
    assert manifest.input.color_order == ModelBundle.Input.BGR
    assert (manifest.input.width, manifest.input.pad_value, manifest.input.round_to_uint8) == (64, 114, True)
    assert manifest.yolox.multi_label
    assert manifest.input.uniform_scale
    assert list(manifest.graphs[0].inputs[0].shape) == ["1", "3", "64", "64"]
    assert manifest.default_settings.max_detections == 50
    assert not manifest.default_settings.HasField("iou_threshold")
    assert manifest.files[0].size_bytes == len(data)
    assert from_json(to_json(manifest)) == manifest


def test_yolov5_from_json_with_ids() -> None:
    manifest = build_outside_bundle(json.dumps(YOLOV5).encode(), onnx(tiny_bundles.yolov5()))
    assert [category.id for category in manifest.categories] == [7, 3, 9]
    assert [list(level.anchors) for level in manifest.yolov5.levels] == [[8, 8, 16, 12], [24, 24, 40, 32]]
    assert list(manifest.graphs[0].inputs[0].shape[1:]) == ["3", "64", "64"]


def test_classifier_takes_names_from_a_file_and_size_from_the_graph() -> None:
    files = {"names.txt": "circle\nsquare\n\n triangle \n"}
    manifest = build_outside_bundle(
        json.dumps(CLASSIFIER).encode(), onnx(tiny_bundles.classifier()), read_text=files.__getitem__
    )
    assert [category.name for category in manifest.categories] == ["circle", "square", "triangle"]
    assert (manifest.input.width, manifest.input.height) == (32, 32)
    assert manifest.classification.activation == ModelBundle.ClassificationHead.SIGMOID


def test_class_file_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"names\.txt") as refused:
        build_outside_bundle(json.dumps(CLASSIFIER).encode(), onnx(tiny_bundles.classifier()))
    assert refused.value.field == "classes"


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("licence", "license: Apache-2.0", "licence: Apache-2.0"),
        ("input.colour_order", "color_order: bgr", "colour_order: bgr"),
        ("head.stride", "strides: [8]", "stride: [8]"),
        ("defaults.confidence", "confidence_threshold: 0.3", "confidence: 0.3"),
        ("task", "object_detection", "detect_objects"),
        ("architecture", "architecture: my_yolox", ""),
        ("classes", "[circle, square, triangle]", "[]"),
        ("classes[1]", "square", "no"),
        ("categories.name", "square", "circle"),
        ("input.size", "size: 64", "size: 64.5"),
        ("input.width", "size: 64", "size: -1"),
        ("input.width", "size: 64", "size: 64\n  width: 64"),
        ("input.resize", "letterbox_top_left", "letterbox"),
        ("input.color_order", "color_order: bgr", ""),
        ("input.scale", "scale: 1.0", "scale: one"),
        ("input.scale", "scale: 1.0", "scale: .nan"),
        ("input.pad_value", "pad_value: 114", "pad_value: 300"),
        ("input.crop_fraction", "pad_value: 114", "crop_fraction: 0.5"),
        ("head.kind", "kind: yolox", "kind: yolo"),
        ("head.anchors", "strides: [8]", "strides: [8], anchors: [1, 2]"),
        ("head.strides", "strides: [8]", "strides: [eight]"),
        ("yolox.strides[0]", "strides: [8]", "strides: [7]"),
        ("default_settings.confidence_threshold", "confidence_threshold: 0.3", "confidence_threshold: 3"),
        ("defaults.max_detections", "max_detections: 50", "max_detections: 1.5"),
    ],
)
def test_every_mistake_is_named(field: str, before: str, after: str) -> None:
    assert before in YOLOX
    with pytest.raises(InvalidArgumentError) as refused:
        build_outside_bundle(YOLOX.replace(before, after).encode(), onnx(tiny_bundles.yolox()))
    assert refused.value.field == field


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'color_order'"):
        build_outside_bundle(YOLOX.replace("color_order", "colour_order").encode(), onnx(tiny_bundles.yolox()))


@pytest.mark.parametrize(
    "text", ["", "[]", "task: [", "\xff", "a: &a [1]\nb: *a", "{" * 5000, "- " * 5000, "!!python/object:os.system {}"]
)
def test_what_is_no_descriptor_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        build_outside_bundle(text.encode("latin-1"), onnx(tiny_bundles.yolox()))


def test_graph_with_other_classes_is_refused() -> None:
    with pytest.raises(FailedPreconditionError, match="5 \\+ classes"):
        build_outside_bundle(YOLOX.replace("[circle,", "[hexagon, circle,").encode(), onnx(tiny_bundles.yolox()))


def test_graph_of_another_size_is_refused() -> None:
    with pytest.raises(FailedPreconditionError, match="pixels"):
        build_outside_bundle(YOLOX.replace("size: 64", "size: 96").encode(), onnx(tiny_bundles.yolox()))


def test_lengths_that_the_graph_leaves_open_are_tried_out() -> None:
    # The manifest cannot know the cells of a graph whose shapes are names; one run on zeros can.
    (entry, data) = tiny_bundles.onnx_graph(
        "network",
        [tiny_bundles.rows_as_cells()],
        {},
        {"pixels": ["n", 3, 64, 64]},
        {"answer": ["n", "cells", "columns"]},
    )
    assert entry.path == "network.onnx"
    with pytest.raises(FailedPreconditionError, match="answer"):
        build_outside_bundle(YOLOX.encode(), data)


def test_the_graph_is_opened_and_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str, call: Any) -> Any:
        return lambda *args, **options: (calls.append(name), call(*args, **options))[1]  # type: ignore[func-returns-value]

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted("open", onnxruntime.InferenceSession))
    monkeypatch.setattr(OnnxRuntimeEngine, "run", counted("run", OnnxRuntimeEngine.run))
    build_outside_bundle(YOLOX.encode(), onnx(tiny_bundles.yolox()))
    assert calls == ["open", "run"]


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(FailedPreconditionError) as refused:
        build_outside_bundle(YOLOX.encode(), b"\x00" * 64)
    assert refused.value.reason == "GRAPH_UNREADABLE"


def test_every_setting_can_have_a_default_in_the_descriptor() -> None:
    section = {
        "confidence_threshold": 0.25,
        "max_detections": 9,
        "class_agnostic": True,
        "categories": ["a"],
        "category_confidence_thresholds": {"a": 0.5},
        "mask_format": "NONE",
        "augment": True,
        "window_width": 640,
    }
    settings = outside_model._defaults(Section(section, "defaults", outside_model._DEFAULT_KEYS))
    assert settings == InferenceSettings(**section)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_detections", 2**40),
        ("mask_format", "OUTLINES"),
        ("category_confidence_thresholds", [0.5]),
        ("category_confidence_thresholds", {"a": "much"}),
    ],
)
def test_a_default_of_another_kind_is_refused_by_its_key(key: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        outside_model._defaults(Section({key: value}, "defaults", outside_model._DEFAULT_KEYS))
    assert refused.value.field == f"defaults.{key}"
