"""Each rule of a manifest, broken alone, is refused with the field's name."""

from collections.abc import Callable

import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.manifest_rules import check_manifest, check_path
from tests.unit.bundle import tiny_bundles

Change = Callable[[ModelBundle], object]


def put(path: str, value: object) -> Change:
    """Sets `a.0.b` of a message."""

    def change(manifest: ModelBundle) -> None:
        *parents, last = path.split(".")
        target: object = manifest
        for part in parents:
            target = target[int(part)] if part.isdigit() else getattr(target, part)  # type: ignore[index]
        if last.isdigit():
            target[int(last)] = value  # type: ignore[index]
        else:
            setattr(target, last, value)

    return change


def test_the_tiny_bundles_obey_all_rules() -> None:
    for bundle in (
        tiny_bundles.yolov5,
        tiny_bundles.yolox,
        tiny_bundles.mask_rcnn,
        tiny_bundles.anchors,
        tiny_bundles.keypoints,
        tiny_bundles.segmenter,
        tiny_bundles.classifier,
    ):
        check_manifest(bundle().manifest)
    check_manifest(tiny_bundles.keypoints(whole_picture=True).manifest)


YOLOV5: list[tuple[str, Change]] = [
    ("format_version", put("format_version", 0)),
    ("head", lambda manifest: manifest.ClearField("yolov5")),
    ("task", put("task", Task.TASK_CLASSIFICATION)),
    ("task", put("task", Task.TASK_UNSPECIFIED)),
    ("architecture", put("architecture", "")),
    ("categories", lambda manifest: manifest.ClearField("categories")),
    ("categories.name", put("categories.1.name", "circle")),
    ("categories.id", put("categories.1.id", 10)),
    ("categories[2].name", put("categories.2.name", "")),
    ("categories[2].id", put("categories.2.id", -1)),
    ("input.resize", put("input.resize", 0)),
    ("input.width", put("input.width", 0)),
    ("input.width", put("input.width", 60)),
    ("input.height", put("input.height", 1 << 20)),
    ("input.stride", put("input.stride", 0)),
    ("input.color_order", put("input.color_order", 0)),
    ("input.scale", put("input.scale", 0.0)),
    ("input.scale", put("input.scale", float("nan"))),
    ("input.mean", lambda manifest: manifest.input.mean.append(1)),
    ("input.std", put("input.std.1", 0.0)),
    ("input.pad_value", put("input.pad_value", 256.0)),
    ("files[0].path", put("files.0.path", "../network.onnx")),
    ("files[0].sha256", put("files.0.sha256", "ABC")),
    ("files[0].size_bytes", put("files.0.size_bytes", -1)),
    ("files.path", lambda manifest: manifest.files.append(manifest.files[0])),
    ("graphs[0].path", put("graphs.0.path", "other.onnx")),
    ("graphs", put("graphs.0.name", "other")),
    ("graphs[0].outputs", lambda manifest: manifest.graphs[0].ClearField("outputs")),
    ("graphs[0].outputs.name", put("graphs.0.outputs.1.name", "head_0")),
    ("graphs.outputs", lambda manifest: manifest.yolov5.levels.add(stride=16, anchors=[1, 1, 2, 2])),
    ("yolov5.levels[1].stride", put("yolov5.levels.1.stride", 24)),
    ("yolov5.levels[1].anchors", lambda manifest: manifest.yolov5.levels[1].anchors.extend([1, 1])),
    ("yolov5.levels[0].anchors", put("yolov5.levels.0.anchors.0", -1.0)),
    ("shape of tensor 'head_0'", put("graphs.0.outputs.0.shape.1", "18")),
    ("shape of tensor 'images'", put("graphs.0.inputs.0.shape.2", "128")),
    ("default_settings.iou_threshold", put("default_settings.iou_threshold", 1.5)),
    ("default_settings.categories", lambda manifest: manifest.default_settings.categories.append("hexagon")),
]
MASK_RCNN: list[tuple[str, Change]] = [
    ("rcnn.anchor_levels", lambda manifest: manifest.rcnn.ClearField("anchor_levels")),
    ("rcnn.anchor_levels[0].stride", put("rcnn.anchor_levels.0.stride", -1.0)),
    ("rcnn.anchor_levels[0].base_anchors", lambda manifest: manifest.rcnn.anchor_levels[0].base_anchors.append(1)),
    ("rcnn.pre_nms_top_n", put("rcnn.pre_nms_top_n", 0)),
    ("rcnn.proposal_nms_threshold", put("rcnn.proposal_nms_threshold", float("nan"))),
    ("rcnn.mask_threshold", put("rcnn.mask_threshold", 2.0)),
    ("rcnn.box_min_size", put("rcnn.box_min_size", -1.0)),
    ("rcnn.box_weights", lambda manifest: manifest.rcnn.box_weights.append(1)),
    ("rcnn.canonical_scale", put("rcnn.canonical_scale", 0.0)),
    ("graphs.outputs", put("graphs.0.outputs.0.name", "planes")),
    ("graphs.inputs", put("graphs.1.inputs.0.name", "planes")),
    ("graphs", lambda manifest: manifest.graphs.pop()),
    ("input.width", put("input.width", 32)),
    ("shape of tensor 'class_logits'", put("graphs.1.outputs.0.shape.1", "3")),
    ("shape of tensor 'masks'", put("graphs.2.outputs.0.shape.1", "4")),
]
OTHERS: list[tuple[str, Change, Callable[[], tiny_bundles.TinyBundle]]] = [
    ("input.crop_fraction", put("input.crop_fraction", 0.0), tiny_bundles.classifier),
    ("classification.activation", put("classification.activation", 0), tiny_bundles.classifier),
    ("shape of tensor 'logits'", put("graphs.0.outputs.0.shape.1", "4"), tiny_bundles.classifier),
    ("task", put("task", Task.TASK_OBJECT_DETECTION), tiny_bundles.segmenter),
    ("shape of tensor 'logits'", put("segmentation.background_first", False), tiny_bundles.segmenter),
    ("shape of tensor 'logits'", lambda m: m.graphs[0].outputs[0].shape.pop(), tiny_bundles.segmenter),
    ("anchors.decoder", put("anchors.decoder", 0), tiny_bundles.anchors),
    ("anchors.levels", lambda m: m.anchors.ClearField("levels"), tiny_bundles.anchors),
    ("anchors.levels[1].base_anchors", lambda m: m.anchors.levels[1].base_anchors.append(1), tiny_bundles.anchors),
    ("anchors.levels[0].stride", put("anchors.levels.0.stride", float("nan")), tiny_bundles.anchors),
    ("anchors.top_k", put("anchors.top_k", 0), tiny_bundles.anchors),
    ("anchors.box_weights", lambda m: m.anchors.box_weights.append(1), tiny_bundles.anchors),
    ("shape of tensor 'class_logits'", put("anchors.decoder", 1), tiny_bundles.anchors),
    ("graphs.outputs", put("anchors.decoder", 3), tiny_bundles.anchors),
    ("categories[1].keypoints", lambda m: m.categories[1].keypoints.append("tip"), tiny_bundles.keypoints),
    ("categories[0].keypoints", lambda m: m.categories[0].ClearField("keypoints"), tiny_bundles.keypoints),
    ("shape of tensor 'keypoints'", put("graphs.0.outputs.0.shape.3", "2"), tiny_bundles.keypoints),
    ("graphs.outputs", lambda m: m.graphs[0].outputs.pop(), tiny_bundles.keypoints),
    ("yolox.strides", lambda manifest: manifest.yolox.ClearField("strides"), tiny_bundles.yolox),
    ("yolox.strides[0]", put("yolox.strides.0", 7), tiny_bundles.yolox),
    ("shape of tensor 'answer'", put("graphs.0.outputs.0.shape.2", "9"), tiny_bundles.yolox),
]


@pytest.mark.parametrize(
    ("field", "change", "bundle"),
    [
        *((field, change, tiny_bundles.yolov5) for field, change in YOLOV5),
        *((field, change, tiny_bundles.mask_rcnn) for field, change in MASK_RCNN),
        *OTHERS,
    ],
)
def test_broken_rule_names_the_field(field: str, change: Change, bundle: Callable[[], tiny_bundles.TinyBundle]) -> None:
    manifest = bundle().manifest
    change(manifest)
    with pytest.raises(InvalidArgumentError) as refused:
        check_manifest(manifest)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "path", ["", "/a", "..", "a/../b", "a//b", "./a", "a/", "C:a", "a\\b", "a\nb", "\x00", "con:", "a/."]
)
def test_unsafe_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidArgumentError):
        check_path("path", path)


@pytest.mark.parametrize("path", ["a", "a.onnx", "graphs/a.onnx", "..a", "a..b/c"])
def test_plain_paths_pass(path: str) -> None:
    check_path("path", path)
