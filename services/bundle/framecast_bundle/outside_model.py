"""Builds the bundle of an ONNX model that was trained elsewhere from a short descriptor.

    task: object_detection            # or classification, semantic_segmentation, keypoint_detection
    architecture: yolox_nano
    classes: [person, bicycle]        # or a file of names, or [{id: 1, name: person}, …]
    input: {size: 416, resize: letterbox_top_left, color_order: bgr, scale: 1.0, pad_value: 114}
    head: {kind: yolox, strides: [8, 16, 32], multi_label: true}
    defaults: {confidence_threshold: 0.3}
    license: Apache-2.0

`docs/model-bundle.md` explains the keys.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast.v1.annotation_pb2 import Category
from framecast.v1.inference_settings_pb2 import InferenceSettings, SettingSchema
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.descriptor import Section, integer_of, list_of, parse_descriptor, text_of
from framecast_bundle.engine import Engine, Tensor
from framecast_bundle.engines.onnx_session import Device, choose_provider, open_session
from framecast_bundle.engines.onnx_tensors import describe_tensors
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.graphs import fixed_length
from framecast_bundle.manifest import file_entry
from framecast_bundle.manifest_rules import FORMAT_VERSION, check_manifest
from framecast_bundle.predictor import Predictor
from framecast_bundle.setting_table import SETTINGS, Setting
from framecast_bundle.settings import effective_settings

GRAPH_PATH = "model.onnx"

_GRAPH = "network"
_GRAY = np.full((96, 128, 3), 127, dtype=np.uint8)

_GRAPH_REASONS = {"GRAPH_UNREADABLE", "GRAPH_MISMATCH", "GRAPH_MISSING"}

ReadText = Callable[[str], str]

_KEYS = ("task", "architecture", "classes", "input", "head", "defaults", "license")
_INPUT_KEYS = (
    "size", "width", "height", "resize", "color_order", "scale", "mean", "std", "pad_value", "round_to_uint8",
    "crop_fraction", "antialias",
)  # fmt: skip
_HEAD_KEYS = ("kind", "strides", "anchors", "multi_label", "activation", "background_first")
_DEFAULT_KEYS = tuple(setting.name for setting in SETTINGS)
_TASKS = {
    "object_detection": Task.TASK_OBJECT_DETECTION,
    "classification": Task.TASK_CLASSIFICATION,
    "semantic_segmentation": Task.TASK_SEMANTIC_SEGMENTATION,
    "keypoint_detection": Task.TASK_KEYPOINT_DETECTION,
}
_Input = ModelBundle.Input
_LETTERBOXES = {"letterbox_center": _Input.LETTERBOX_CENTER, "letterbox_top_left": _Input.LETTERBOX_TOP_LEFT}
_RESIZES = {**_LETTERBOXES, "stretch": _Input.STRETCH, "center_crop": _Input.CENTER_CROP}
_COLOR_ORDERS = {"rgb": _Input.RGB, "bgr": _Input.BGR}
_HEADS = {"yolox": 0, "yolov5": 1, "classification": 2, "segmentation": 3, "keypoints": 4}
_ACTIVATIONS = {"softmax": ModelBundle.ClassificationHead.SOFTMAX, "sigmoid": ModelBundle.ClassificationHead.SIGMOID}


def build_outside_bundle(
    descriptor: bytes, onnx: bytes, *, read_text: ReadText | None = None, device: Device = "cpu", threads: int = 1
) -> ModelBundle:
    """The checked manifest of one ONNX graph, whose file in the bundle is `model.onnx`, once it has answered.

    The graph is opened once, on `device`, and looks at a gray picture the way a request's pictures are looked at.
    `read_text` reads the file of class names, where the descriptor names one; without it such a name is refused.
    Raises InvalidArgumentError that names the key for a descriptor with unknown or wrong keys, FailedPreconditionError
    for a graph that does not load (`GRAPH_UNREADABLE`), does not run, or whose input or outputs contradict the
    descriptor (`GRAPH_MISMATCH`).
    """
    parsed = parse_descriptor(descriptor)
    try:
        session = open_session(onnx, choose_provider(device), threads, GRAPH_PATH)
        manifest = build_manifest(parsed, _describe(session), read_text=read_text)
        manifest.files.append(file_entry(GRAPH_PATH, onnx))
        check_manifest(manifest)
        engine = OnnxRuntimeEngine(manifest, lambda _: onnx, device=device, threads=threads, opened={_GRAPH: session})
        predictor = Predictor(manifest, _CheckedAnswers(manifest, engine), max_batch=1)
        predictor.predict([_GRAY], [effective_settings(InferenceSettings(), manifest)])
        predictor.close()
    except InvalidArgumentError as error:
        if error.reason not in _GRAPH_REASONS:
            raise
        raise FailedPreconditionError(error.message, reason=error.reason, **error.metadata) from error
    return manifest


def _describe(session: Any) -> ModelBundle.Graph:
    return ModelBundle.Graph(
        name=_GRAPH,
        path=GRAPH_PATH,
        inputs=describe_tensors(session.get_inputs()),
        outputs=describe_tensors(session.get_outputs()),
    )


class _CheckedAnswers:
    """Holds the shapes of an engine's answers, which the graph may leave open, against the head."""

    def __init__(self, manifest: ModelBundle, engine: Engine) -> None:
        self._manifest = manifest
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.name

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        answers = self._engine.run(graph, inputs, keep=keep)
        answered = ModelBundle()
        answered.CopyFrom(self._manifest)
        for output in answered.graphs[0].outputs:
            output.shape[:] = map(str, answers[output.name].shape)
        check_manifest(answered)
        return answers

    def close(self) -> None:
        self._engine.close()


def build_manifest(descriptor: object, graph: ModelBundle.Graph, *, read_text: ReadText | None = None) -> ModelBundle:
    """The manifest that a parsed descriptor means for a graph, without its file entry and not checked as a whole."""
    top = Section(descriptor, "", _KEYS)
    head = top.section("head", _HEAD_KEYS)
    manifest = ModelBundle(
        format_version=FORMAT_VERSION,
        task=Task.ValueType(top.choice("task", _TASKS)),
        architecture=top.text("architecture"),
        categories=_categories(top.value("classes"), read_text),
        graphs=[graph],
        default_settings=_defaults(top.section("defaults", _DEFAULT_KEYS)),
        license=top.text("license", default="") if "license" in top else "",
    )
    strides: list[int] = []
    if "strides" in head:
        strides = [integer_of(value, "head.strides") for value in list_of(head.value("strides"), "head.strides")]
    match head.choice("kind", _HEADS):
        case 0:
            _only(head, "strides", "multi_label")
            multi_label = head.flag("multi_label", default=True)
            manifest.yolox.CopyFrom(ModelBundle.YoloXHead(strides=strides, multi_label=multi_label))
        case 1:
            _only(head, "strides", "anchors", "multi_label")
            anchors = list_of(head.value("anchors"), "head.anchors")
            if len(anchors) != len(strides):
                raise InvalidArgumentError(
                    f"head.anchors has {len(anchors)} levels, head.strides {len(strides)}; give one of each per output",
                    field="head.anchors",
                )
            for stride, level in zip(strides, anchors, strict=True):
                sides = Section({"anchors": level}, "head", ["anchors"]).numbers("anchors")
                manifest.yolov5.levels.add(stride=stride, anchors=sides)
            manifest.yolov5.multi_label = head.flag("multi_label", default=True)
        case 3:
            _only(head, "background_first")
            background_first = head.flag("background_first", default=False)
            manifest.segmentation.CopyFrom(ModelBundle.SegmentationHead(background_first=background_first))
            if not manifest.default_settings.HasField("confidence_threshold"):
                manifest.default_settings.confidence_threshold = 0.0  # every pixel has its best class
        case 4:
            _only(head)
            manifest.keypoints.CopyFrom(ModelBundle.KeypointHead())
        case _:
            _only(head, "activation")
            activation = head.choice("activation", _ACTIVATIONS) if "activation" in head else _ACTIVATIONS["softmax"]
            manifest.classification.activation = ModelBundle.ClassificationHead.Activation.ValueType(activation)
    manifest.input.CopyFrom(_input(top.section("input", _INPUT_KEYS), graph))
    return manifest


def _input(section: Section, graph: ModelBundle.Graph) -> ModelBundle.Input:
    resize = section.choice("resize", _RESIZES)
    width, height = _size(section, graph)
    letterbox = resize in _LETTERBOXES.values()
    rule = ModelBundle.Input(
        resize=_Input.Resize.ValueType(resize),
        width=width,
        height=height,
        stride=1,
        color_order=_Input.ColorOrder.ValueType(section.choice("color_order", _COLOR_ORDERS)),
        scale=section.number("scale"),
        mean=section.numbers("mean", default=[0.0, 0.0, 0.0]),
        std=section.numbers("std", default=[1.0, 1.0, 1.0]),
        # Letterboxes are made from 8-bit pictures, whose resize rounds.
        round_to_uint8=section.flag("round_to_uint8", default=letterbox),
        antialias=section.flag("antialias", default=False),
        # The heads that know letterboxes are YOLO's, and so is the way back that their published code takes.
        uniform_scale=letterbox,
    )
    if "pad_value" in section:
        rule.pad_value = section.number("pad_value")
    if resize == _Input.CENTER_CROP:
        rule.crop_fraction = section.number("crop_fraction")
    elif "crop_fraction" in section:
        raise InvalidArgumentError("input.crop_fraction needs input.resize center_crop", field="input.crop_fraction")
    return rule


def _size(section: Section, graph: ModelBundle.Graph) -> tuple[int, int]:
    if "size" in section:
        _only(section, *(key for key in _INPUT_KEYS if key not in ("width", "height")))
        size = section.integer("size")
        return size, size
    if "width" in section or "height" in section:
        return section.integer("width"), section.integer("height")
    shape = [fixed_length(axis) for axis in graph.inputs[0].shape] if graph.inputs else []
    if len(shape) == 4 and shape[2] and shape[3]:
        return shape[3], shape[2]
    raise InvalidArgumentError("input.size is missing; the graph takes any size, so give one", field="input.size")


def _defaults(section: Section) -> InferenceSettings:
    settings = InferenceSettings()
    for setting in SETTINGS:
        if setting.name not in section:
            continue
        value = _default(section, setting)
        try:
            settings.MergeFrom(InferenceSettings(**{setting.name: value}))
        except (TypeError, ValueError, AttributeError):
            raise InvalidArgumentError(
                f"{section.field(setting.name)} cannot be {value!r}", field=section.field(setting.name), value=value
            ) from None
    return settings


def _default(section: Section, setting: Setting) -> Any:
    match setting.type:
        case SettingSchema.NUMBER:
            return section.number(setting.name)
        case SettingSchema.INTEGER:
            return section.integer(setting.name)
        case SettingSchema.BOOLEAN:
            return section.flag(setting.name, default=False)
        case SettingSchema.CHOICES:
            names = list_of(section.value(setting.name), section.field(setting.name))
            return [text_of(name, section.field(setting.name)) for name in names]
    return section.value(setting.name)


def _categories(classes: object, read_text: ReadText | None) -> list[Category]:
    if isinstance(classes, str):
        if read_text is None:
            raise InvalidArgumentError(
                f"classes names the file {classes!r}, which cannot be read here; list the names in the descriptor",
                reason="CLASSES_FILE_NOT_READABLE",
                field="classes",
                path=classes,
            )
        classes = [line.strip() for line in read_text(classes).splitlines() if line.strip()]
    categories = []
    for index, entry in enumerate(list_of(classes, "classes")):
        field = f"classes[{index}]"
        if isinstance(entry, dict):
            named = Section(entry, field, ["id", "name", "supercategory", "keypoints"])
            supercategory = named.text("supercategory", default="") if "supercategory" in named else ""
            keypoints = list_of(named.value("keypoints"), named.field("keypoints")) if "keypoints" in named else []
            categories.append(
                Category(
                    id=named.integer("id"),
                    name=named.text("name"),
                    supercategory=supercategory,
                    keypoints=[text_of(each, named.field("keypoints")) for each in keypoints],
                )
            )
        else:
            categories.append(Category(id=index, name=text_of(entry, field)))
    return categories


def _only(section: Section, *allowed: str) -> None:
    for key in ("size", "width", "height", "strides", "anchors", "multi_label", "activation", "background_first"):
        if key in section and key not in allowed:
            raise InvalidArgumentError(
                f"{section.field(key)} does not go with the other keys; leave it out", field=section.field(key)
            )
