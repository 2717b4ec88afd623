"""What a manifest must satisfy before anything is built from it. Outside models come from outside: nothing is taken
on trust."""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NoReturn

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.head_rules import check_head
from framecast_bundle.setting_rules import check_settings

FORMAT_VERSION = 1
MAX_INPUT_SIDE = 4096

_SHA256 = re.compile(r"[0-9a-f]{64}")
_Input = ModelBundle.Input
_FIXED_SIZE = {_Input.LETTERBOX_CENTER, _Input.LETTERBOX_TOP_LEFT, _Input.STRETCH, _Input.CENTER_CROP}
_TASKS = {
    "yolov5": {Task.TASK_OBJECT_DETECTION},
    "yolox": {Task.TASK_OBJECT_DETECTION},
    "rcnn": {Task.TASK_OBJECT_DETECTION, Task.TASK_INSTANCE_SEGMENTATION, Task.TASK_KEYPOINT_DETECTION},
    "anchors": {Task.TASK_OBJECT_DETECTION},
    "keypoints": {Task.TASK_KEYPOINT_DETECTION},
    "segmentation": {Task.TASK_SEMANTIC_SEGMENTATION},
    "classification": {Task.TASK_CLASSIFICATION},
}


def check_manifest(manifest: ModelBundle) -> None:
    """Raises InvalidArgumentError, naming the field, for the first rule that the manifest breaks."""
    if manifest.format_version != FORMAT_VERSION:
        _refuse("format_version", manifest.format_version, f"must be {FORMAT_VERSION}")
    head = manifest.WhichOneof("head")
    if head is None:
        _refuse("head", "absent", f"must be one of {', '.join(_TASKS)}")
    if manifest.task not in _TASKS[head]:
        accepted = " or ".join(sorted(Task.Name(task) for task in _TASKS[head]))
        _refuse("task", _enum_name(Task.items(), manifest.task), f"must be {accepted} with a {head} head")
    if not manifest.architecture:
        _refuse("architecture", "''", "must not be empty")
    _check_categories(manifest)
    _check_input(manifest.input)
    _check_files(manifest)
    _check_graphs(manifest)
    check_head(manifest)
    check_settings(manifest.default_settings, manifest, prefix="default_settings")


def check_path(field: str, path: str) -> None:
    """Refuses a path that is empty, absolute, or could lead out of the bundle on any system."""
    parts = path.split("/")
    unsafe = "\\" in path or ":" in path or any(ord(letter) < 32 for letter in path)
    if unsafe or not path or any(part in ("", ".", "..") for part in parts) or PurePosixPath(path).is_absolute():
        _refuse(field, repr(path), "must be a relative path without `..`, empty parts, `\\` or `:`")


def _check_categories(manifest: ModelBundle) -> None:
    if not manifest.categories:
        _refuse("categories", "empty", "must name at least one class")
    for index, category in enumerate(manifest.categories):
        if not category.name:
            _refuse(f"categories[{index}].name", "''", "must not be empty")
        if category.id < 0:
            _refuse(f"categories[{index}].id", category.id, "must be at least 0")
    _check_unique("categories.name", [category.name for category in manifest.categories])
    _check_unique("categories.id", [category.id for category in manifest.categories])


def _check_input(rule: ModelBundle.Input) -> None:
    if rule.resize not in {*_FIXED_SIZE, _Input.SHORTEST_SIDE}:
        _refuse("input.resize", _enum_name(_Input.Resize.items(), rule.resize), "must name a known rule")
    for field, side in (("input.width", rule.width), ("input.height", rule.height)):
        if not 1 <= side <= MAX_INPUT_SIDE:
            _refuse(field, side, f"must be in 1..{MAX_INPUT_SIDE}")
        if rule.stride >= 1 and rule.resize in _FIXED_SIZE and side % rule.stride:
            _refuse(field, side, f"must be a multiple of input.stride, {rule.stride}")
    if not 1 <= rule.stride <= MAX_INPUT_SIDE:
        _refuse("input.stride", rule.stride, f"must be in 1..{MAX_INPUT_SIDE}; 1 where it does not matter")
    if rule.resize == _Input.SHORTEST_SIDE and rule.width < rule.height:
        _refuse("input.width", rule.width, f"bounds the longer side, so at least input.height, {rule.height}")
    if rule.color_order not in {_Input.RGB, _Input.BGR}:
        _refuse("input.color_order", _enum_name(_Input.ColorOrder.items(), rule.color_order), "must be RGB or BGR")
    if not math.isfinite(rule.scale) or rule.scale <= 0:
        _refuse("input.scale", rule.scale, "must be greater than 0, such as 1/255")
    if len(rule.mean) != 3 or not all(map(math.isfinite, rule.mean)):
        _refuse("input.mean", list(rule.mean), "must be three numbers")
    if len(rule.std) != 3 or not all(math.isfinite(value) and value > 0 for value in rule.std):
        _refuse("input.std", list(rule.std), "must be three numbers greater than 0")
    if rule.HasField("pad_value") and not 0 <= rule.pad_value <= 255:
        _refuse("input.pad_value", rule.pad_value, "must be in 0..255")
    if rule.resize == _Input.CENTER_CROP and not 0.05 <= rule.crop_fraction <= 1:
        _refuse("input.crop_fraction", rule.crop_fraction, "must be in 0.05..1 for CENTER_CROP")


def _check_files(manifest: ModelBundle) -> None:
    for index, file in enumerate(manifest.files):
        check_path(f"files[{index}].path", file.path)
        if not _SHA256.fullmatch(file.sha256):
            _refuse(f"files[{index}].sha256", repr(file.sha256), "must be 64 lowercase hexadecimal digits")
        if file.size_bytes < 0:
            _refuse(f"files[{index}].size_bytes", file.size_bytes, "must be at least 0")
    _check_unique("files.path", [file.path for file in manifest.files])


def _check_graphs(manifest: ModelBundle) -> None:
    _check_unique("graphs.name", [graph.name for graph in manifest.graphs])
    paths = {file.path for file in manifest.files}
    for index, graph in enumerate(manifest.graphs):
        field = f"graphs[{index}]"
        if graph.path not in paths:
            _refuse(f"{field}.path", repr(graph.path), f"must be one of `files`: {', '.join(sorted(paths))}")
        for side, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
            if not tensors:
                _refuse(f"{field}.{side}", "empty", "must describe at least one tensor")
            if any(not tensor.name for tensor in tensors):
                _refuse(f"{field}.{side}.name", "''", "must not be empty")
            _check_unique(f"{field}.{side}.name", [tensor.name for tensor in tensors])


def _check_unique(field: str, values: Sequence[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            _refuse(field, repr(value), "occurs twice; it must be unique")
        seen.add(value)


def _enum_name(items: Iterable[tuple[str, int]], value: int) -> str:
    return next((name for name, number in items if number == value), str(value))


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgumentError(f"{field} is {value}; it {rule}", reason="INVALID_MANIFEST", field=field, value=value)
