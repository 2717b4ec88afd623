"""What a manifest's head must satisfy: its constants, and the graphs and tensors that it will ask for."""

import math
from collections.abc import Sequence
from typing import NoReturn

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.embedding_size import FEATURES
from framecast_bundle.graphs import find_graph, fixed_length


def check_head(manifest: ModelBundle) -> None:
    """Raises InvalidArgumentError, naming the field, for the first rule that the head breaks."""
    match manifest.WhichOneof("head"):
        case "yolov5":
            _check_yolov5(manifest)
        case "yolox":
            _check_yolox(manifest)
        case "rcnn":
            _check_rcnn(manifest)
        case "anchors":
            _check_anchors(manifest)
        case "keypoints":
            _check_keypoints(manifest)
        case "segmentation":
            _check_segmentation(manifest)
        case "classification":
            _check_classification(manifest)


def _check_yolov5(manifest: ModelBundle) -> None:
    levels = manifest.yolov5.levels
    if not levels:
        _refuse("yolov5.levels", "empty", "must have a level per output")
    for index, level in enumerate(levels):
        field = f"yolov5.levels[{index}]"
        _check_stride(manifest, f"{field}.stride", level.stride)
        if not level.anchors or len(level.anchors) % 2:
            _refuse(f"{field}.anchors", list(level.anchors), "must be pairs of width and height")
        if not all(math.isfinite(side) and side > 0 for side in level.anchors):
            _refuse(f"{field}.anchors", list(level.anchors), "must be greater than 0")
        if len(level.anchors) != len(levels[0].anchors):
            _refuse(f"{field}.anchors", f"{len(level.anchors)} numbers", "must have as many as the other levels")
    graph = _check_network(manifest)
    if len(graph.outputs) != len(levels):
        _refuse_graph("graphs.outputs", f"{len(graph.outputs)} tensors", f"must be {len(levels)}, one per level")
    channels = len(levels[0].anchors) // 2 * (5 + len(manifest.categories))
    for tensor in graph.outputs:
        _check_shape(tensor, 4, {1: channels}, "anchors * (5 + classes)")


def _check_yolox(manifest: ModelBundle) -> None:
    if not manifest.yolox.strides:
        _refuse("yolox.strides", "empty", "must have a stride per level")
    for index, stride in enumerate(manifest.yolox.strides):
        _check_stride(manifest, f"yolox.strides[{index}]", stride)
    graph = _check_network(manifest)
    if len(graph.outputs) != 1:
        _refuse_graph("graphs.outputs", f"{len(graph.outputs)} tensors", "must be one")
    cells = sum(
        (manifest.input.width // stride) * (manifest.input.height // stride) for stride in manifest.yolox.strides
    )
    _check_shape(graph.outputs[0], 3, {1: cells, 2: 5 + len(manifest.categories)}, "[batch, cells, 5 + classes]")


def _check_classification(manifest: ModelBundle) -> None:
    head = ModelBundle.ClassificationHead
    if manifest.classification.activation not in {head.SOFTMAX, head.SIGMOID}:
        _refuse("classification.activation", manifest.classification.activation, "must be SOFTMAX or SIGMOID")
    graph = _check_network(manifest)
    named = [tensor for tensor in graph.outputs if tensor.name == "logits"]
    logits = named[0] if named else graph.outputs[0]
    _check_shape(logits, 2, {1: len(manifest.categories)}, "[batch, classes]")


def _check_anchors(manifest: ModelBundle) -> None:
    head, kinds = manifest.anchors, ModelBundle.AnchorHead
    if head.decoder not in {kinds.SSD, kinds.RETINANET, kinds.FCOS}:
        _refuse("anchors.decoder", head.decoder, "must be SSD, RETINANET or FCOS")
    if not head.levels:
        _refuse("anchors.levels", "empty", "must have a level per feature level")
    for index, level in enumerate(head.levels):
        _check_boxes(f"anchors.levels[{index}].base_anchors", level.base_anchors)
        _check_number(f"anchors.levels[{index}].stride", level.stride, 1, 4096)
    if head.top_k < 1:
        _refuse("anchors.top_k", head.top_k, "must be at least 1")
    if head.decoder != kinds.FCOS:
        _check_weights("anchors.box_weights", head.box_weights)
    outputs = ["class_logits", "deltas", *(["centerness"] if head.decoder == kinds.FCOS else [])]
    graph = _check_network(manifest, outputs)
    columns = len(manifest.categories) + (head.decoder == kinds.SSD)
    for tensor in graph.outputs:
        if tensor.name == "class_logits":
            _check_shape(tensor, 3, {2: columns}, "classes, and the background for SSD")
        elif tensor.name == "deltas":
            _check_shape(tensor, 3, {2: 4}, "[batch, anchors, 4]")


def _check_keypoints(manifest: ModelBundle) -> None:
    graph = _check_network(manifest, ["keypoints"])
    count = _check_keypoint_names(manifest)
    names = {tensor.name for tensor in graph.outputs}
    if ("boxes" in names) != ("scores" in names):
        _refuse_graph("graphs.outputs", sorted(names), "must have both `boxes` and `scores`, or none of them")
    lengths = {"keypoints": (4, {2: count, 3: 3}), "boxes": (3, {2: 4}), "scores": (3, {2: len(manifest.categories)})}
    if "boxes" not in names:
        if len(manifest.categories) != 1:
            _refuse(
                "categories", f"{len(manifest.categories)} entries", "must be one where one object fills the picture"
            )
        lengths["keypoints"] = (4, {1: 1, 2: count, 3: 3})
    for tensor in graph.outputs:
        if tensor.name in lengths:
            rank, fixed = lengths[tensor.name]
            _check_shape(tensor, rank, fixed, "see KeypointHead in model_bundle.proto")


def _check_keypoint_names(manifest: ModelBundle) -> int:
    """How many keypoints every category names."""
    count = len(manifest.categories[0].keypoints)
    for index, category in enumerate(manifest.categories):
        if len(category.keypoints) != count or not count:
            _refuse(
                f"categories[{index}].keypoints",
                f"{len(category.keypoints)} names",
                "must name the network's keypoints, as many for every category",
            )
    return count


def _check_segmentation(manifest: ModelBundle) -> None:
    graph = _check_network(manifest)
    named = [tensor for tensor in graph.outputs if tensor.name == "logits"]
    channels = len(manifest.categories) + manifest.segmentation.background_first
    logits = named[0] if named else graph.outputs[0]
    _check_shape(logits, 4, {1: channels}, "classes, and the background where it comes first")


def _check_rcnn(manifest: ModelBundle) -> None:
    head = manifest.rcnn
    if not head.anchor_levels:
        _refuse("rcnn.anchor_levels", "empty", "must have a level per RPN output")
    for index, level in enumerate(head.anchor_levels):
        _check_boxes(f"rcnn.anchor_levels[{index}].base_anchors", level.base_anchors)
        _check_number(f"rcnn.anchor_levels[{index}].stride", level.stride, 0, 4096)
    for field in ("pre_nms_top_n", "post_nms_top_n", "pooled_levels"):
        if getattr(head, field) < 1:
            _refuse(f"rcnn.{field}", getattr(head, field), "must be at least 1")
    for field in ("proposal_nms_threshold", "proposal_score_threshold", "mask_threshold"):
        _check_number(f"rcnn.{field}", getattr(head, field), 0.0, 1.0)
    for field in ("proposal_min_size", "box_min_size"):
        _check_number(f"rcnn.{field}", getattr(head, field), 0.0, 1e6)
    for field in ("proposal_box_weights", "box_weights"):
        _check_weights(f"rcnn.{field}", getattr(head, field))
    if head.pooled_levels > 1:
        _check_number("rcnn.canonical_scale", head.canonical_scale, 1e-3, 1e6)
        _check_number("rcnn.finest_level", head.finest_level, 0, 16)
    features = [f"features_{level}" for level in range(head.pooled_levels)]
    rpn = [f"{kind}_{level}" for kind in ("objectness", "deltas") for level in range(len(head.anchor_levels))]
    rois = [f"rois_{level}" for level in range(head.pooled_levels)]
    dense = _check_tensors(manifest, "dense", [], [*features, *rpn])
    if len(dense.inputs) != 1:
        _refuse_graph("graphs.inputs", f"{len(dense.inputs)} tensors", "must be one in graph 'dense'")
    boxes = _check_tensors(manifest, "boxes", [*features, *rois], ["class_logits", "deltas"])
    columns = len(manifest.categories) + 1
    lengths = {"class_logits": columns, "deltas": 4 * columns}
    for tensor in boxes.outputs:
        if tensor.name in lengths:
            _check_shape(tensor, 2, {1: lengths[tensor.name]}, "classes and the background")
    if manifest.task == Task.TASK_INSTANCE_SEGMENTATION:
        masks = _check_tensors(manifest, "masks", [*features, *rois], ["masks"])
        _check_shape(masks.outputs[0], 4, {1: len(manifest.categories)}, "[regions, classes, M, M]")
    if manifest.task == Task.TASK_KEYPOINT_DETECTION:
        keypoints = _check_tensors(manifest, "keypoints", [*features, *rois], ["heatmaps"])
        _check_shape(keypoints.outputs[0], 4, {1: _check_keypoint_names(manifest)}, "[regions, keypoints, M, M]")


def _check_network(manifest: ModelBundle, outputs: Sequence[str] = ()) -> ModelBundle.Graph:
    graph = _check_tensors(manifest, "network", [], outputs)
    if len(graph.inputs) != 1:
        _refuse_graph("graphs.inputs", f"{len(graph.inputs)} tensors", "must be one in graph 'network'")
    tensor, rule = graph.inputs[0], manifest.input
    if tensor.dtype != "float32":
        _refuse_graph("graphs.inputs.dtype", tensor.dtype, "must be float32")
    if rule.resize == ModelBundle.Input.SHORTEST_SIDE:
        _check_shape(tensor, 4, {1: 3}, "[batch, 3, height, width]")
    else:
        _check_shape(tensor, 4, {1: 3, 2: rule.height, 3: rule.width}, "the input's size")
    for output in graph.outputs:
        if output.name == FEATURES and None in map(fixed_length, output.shape[1:]):
            _refuse_graph("shape of tensor 'features'", list(output.shape), "must fix every axis but the first")
    return graph


def _check_tensors(
    manifest: ModelBundle, name: str, inputs: Sequence[str], outputs: Sequence[str]
) -> ModelBundle.Graph:
    graph = find_graph(manifest, name)
    for side, wanted, tensors in (("inputs", inputs, graph.inputs), ("outputs", outputs, graph.outputs)):
        missing = sorted(set(wanted) - {tensor.name for tensor in tensors})
        if missing:
            _refuse_graph(
                f"graphs.{side}", f"without {missing[0]!r} in graph {name!r}", f"must have {', '.join(wanted)}"
            )
    return graph


def _check_shape(tensor: ModelBundle.Tensor, rank: int, lengths: dict[int, int], meaning: str) -> None:
    """Compares the axes that the manifest fixes; named ones may take any length."""
    field = f"shape of tensor {tensor.name!r}"
    if len(tensor.shape) != rank:
        _refuse_graph(field, list(tensor.shape), f"must have {rank} axes")
    for axis, length in lengths.items():
        fixed = fixed_length(tensor.shape[axis])
        if fixed is not None and fixed != length:
            _refuse_graph(field, list(tensor.shape), f"must have length {length} on axis {axis}: {meaning}")


def _check_stride(manifest: ModelBundle, field: str, stride: int) -> None:
    if stride < 1:
        _refuse(field, stride, "must be at least 1")
    rule = manifest.input
    sides = [rule.stride] if rule.resize == ModelBundle.Input.SHORTEST_SIDE else [rule.width, rule.height]
    if any(side % stride for side in sides):
        _refuse(field, stride, f"must divide the input's sides, {rule.width} x {rule.height}")


def _check_boxes(field: str, numbers: Sequence[float]) -> None:
    if not numbers or len(numbers) % 4 or not all(map(math.isfinite, numbers)):
        _refuse(field, list(numbers), "must be boxes x0, y0, x1, y1")


def _check_weights(field: str, weights: Sequence[float]) -> None:
    if len(weights) != 4 or not all(math.isfinite(weight) and weight > 0 for weight in weights):
        _refuse(field, list(weights), "must be four numbers greater than 0: dx, dy, dw, dh")


def _check_number(field: str, value: float, lower: float, upper: float) -> None:
    if not math.isfinite(value) or not lower <= value <= upper:
        _refuse(field, value, f"must be in {lower:g}..{upper:g}")


def _refuse_graph(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgumentError(f"{field} is {value}; it {rule}", reason="GRAPH_MISMATCH", field=field, value=value)


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgumentError(f"{field} is {value}; it {rule}", reason="INVALID_MANIFEST", field=field, value=value)
