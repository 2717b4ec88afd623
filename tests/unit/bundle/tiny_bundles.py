"""Bundles with graphs of a few layers and seeded weights: real ONNX, no training, milliseconds to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from framecast.v1.annotation_pb2 import Category
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.manifest import file_entry
from framecast_bundle.predictor import Predictor

Shape = Sequence[str | int]
NAMES = ("circle", "square", "triangle")


@dataclass(frozen=True)
class TinyBundle:
    manifest: ModelBundle
    files: Mapping[str, bytes]

    def engine(self) -> OnnxRuntimeEngine:
        return OnnxRuntimeEngine(self.manifest, self.files.__getitem__, device="cpu", threads=1)

    def predictor(self, *, max_batch: int = 8) -> Predictor:
        return Predictor(self.manifest, self.engine(), max_batch=max_batch)


def categories() -> list[Category]:
    return [Category(id=10 * (index + 1), name=name) for index, name in enumerate(NAMES)]


def images(*sizes: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    """Blocks of random colours, so that a resize does not turn them into a uniform grey."""
    rng = np.random.default_rng(seed)
    blocks = [
        rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
        for height, width in sizes
    ]
    return [np.ascontiguousarray(block[:height, :width]) for block, (height, width) in zip(blocks, sizes, strict=True)]


def letterbox(size: int = 64) -> ModelBundle.Input:
    return ModelBundle.Input(
        resize=ModelBundle.Input.LETTERBOX_CENTER,
        width=size,
        height=size,
        stride=16,
        color_order=ModelBundle.Input.RGB,
        scale=1 / 255,
        mean=[0, 0, 0],
        std=[1, 1, 1],
        pad_value=114,
        round_to_uint8=True,
    )


def yolov5() -> TinyBundle:
    rng = np.random.default_rng(1)
    channels = 2 * (5 + len(NAMES))
    weights: dict[str, np.ndarray] = {}
    nodes = []
    for level, stride in enumerate((8, 16)):
        weights[f"w{level}"] = rng.normal(0, 0.3, (channels, 3, stride, stride)).astype(np.float32)
        weights[f"b{level}"] = np.zeros(channels, dtype=np.float32)
        nodes.append(conv("images", level, f"head_{level}", stride))
    outputs: dict[str, Shape] = {"head_0": ["batch", channels, 8, 8], "head_1": ["batch", channels, 4, 4]}
    graph, data = onnx_graph("network", nodes, weights, {"images": ["batch", 3, 64, 64]}, outputs)
    levels = [
        ModelBundle.YoloV5Head.Level(stride=8, anchors=[8, 8, 16, 12]),
        ModelBundle.YoloV5Head.Level(stride=16, anchors=[24, 24, 40, 32]),
    ]
    return bundle([(graph, data)], input=letterbox(), yolov5=ModelBundle.YoloV5Head(levels=levels, multi_label=True))


def yolox(*, batch: str | int = 1) -> TinyBundle:
    rng = np.random.default_rng(2)
    columns = 5 + len(NAMES)
    weights: dict[str, np.ndarray] = {
        "w0": rng.normal(0, 0.2, (columns, 3, 8, 8)).astype(np.float32),
        "b0": np.zeros(columns, dtype=np.float32),
        "shape": np.array([0, columns, 64], dtype=np.int64),
        "parts": np.array([4, columns - 4], dtype=np.int64),
    }
    nodes = [
        conv("pixels", 0, "planes", 8),
        helper.make_node("Reshape", ["planes", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Split", ["rows", "parts"], ["boxes", "logits"], axis=2),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["answer"], axis=2),
    ]
    inputs: dict[str, Shape] = {"pixels": [batch, 3, 64, 64]}
    outputs: dict[str, Shape] = {"answer": [batch, 64, columns]}
    rule = letterbox()
    rule.resize = ModelBundle.Input.LETTERBOX_TOP_LEFT
    head = ModelBundle.YoloXHead(strides=[8], multi_label=True)
    return bundle([onnx_graph("network", nodes, weights, inputs, outputs)], input=rule, yolox=head)


def classifier() -> TinyBundle:
    rng = np.random.default_rng(3)
    weights = {
        "w0": rng.normal(0, 0.3, (6, 3, 4, 4)).astype(np.float32),
        "b0": np.zeros(6, dtype=np.float32),
        "dense": rng.normal(0, 1, (6, len(NAMES))).astype(np.float32),
    }
    nodes = [
        conv("images", 0, "planes", 4),
        helper.make_node("GlobalAveragePool", ["planes"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "dense"], ["logits"]),
    ]
    outputs: dict[str, Shape] = {"logits": ["batch", len(NAMES)], "features": ["batch", 6]}
    graph = onnx_graph("network", nodes, weights, {"images": ["batch", 3, 32, 32]}, outputs)
    rule = ModelBundle.Input(
        resize=ModelBundle.Input.CENTER_CROP,
        width=32,
        height=32,
        stride=1,
        color_order=ModelBundle.Input.RGB,
        scale=1 / 255,
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        crop_fraction=0.875,
    )
    head = ModelBundle.ClassificationHead(activation=ModelBundle.ClassificationHead.SOFTMAX)
    return bundle([graph], task=Task.TASK_CLASSIFICATION, input=rule, classification=head)


def segmenter(*, background_first: bool = True) -> TinyBundle:
    rng = np.random.default_rng(5)
    channels = len(NAMES) + background_first
    weights = {
        "w0": rng.normal(0, 0.3, (channels, 3, 8, 8)).astype(np.float32),
        "b0": np.zeros(channels, dtype=np.float32),
    }
    outputs: dict[str, Shape] = {"logits": ["batch", channels, 8, 8]}
    inputs: dict[str, Shape] = {"images": ["batch", 3, 64, 64]}
    graph = onnx_graph("network", [conv("images", 0, "logits", 8)], weights, inputs, outputs)
    head = ModelBundle.SegmentationHead(background_first=background_first)
    return bundle([graph], task=Task.TASK_SEMANTIC_SEGMENTATION, input=letterbox(), segmentation=head)


def keypoints(*, whole_picture: bool = False) -> TinyBundle:
    """Four objects with two points each; or two points of the one object that is the picture."""
    rng = np.random.default_rng(6)
    rows, classes = (1, 1) if whole_picture else (4, len(NAMES))
    parts = {"keypoints": (rows, 2, 3), "boxes": (rows, 4), "scores": (rows, classes)}
    if whole_picture:
        parts = {"keypoints": parts["keypoints"]}
    middles = {
        "keypoints": rng.uniform((8, 8, 0.3), (56, 56, 0.7), (rows, 2, 3)),
        "boxes": np.array([[4, 4, 40, 40], [20, 20, 60, 60], [5, 4, 40, 41], [30, 2, 62, 30]])[:rows],
        "scores": rng.uniform(0.2, 0.8, (rows, classes)),
    }
    weights: dict[str, np.ndarray] = {}
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
    ]
    outputs: dict[str, Shape] = {}
    for name, shape in parts.items():
        # What a picture changes is small, so that all stays plausible.
        weights[f"{name}_w"] = rng.uniform(-0.1, 0.1, (3, int(np.prod(shape)))).astype(np.float32)
        weights[f"{name}_s"] = np.array([0, *shape], dtype=np.int64)
        weights[f"{name}_m"] = middles[name].astype(np.float32)
        nodes.append(helper.make_node("MatMul", ["flat", f"{name}_w"], [f"{name}_flat"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_s"], [f"{name}_change"]))
        nodes.append(helper.make_node("Add", [f"{name}_change", f"{name}_m"], [name]))
        outputs[name] = ["batch", *shape]
    inputs: dict[str, Shape] = {"images": ["batch", 3, 64, 64]}
    tiny = bundle(
        [onnx_graph("network", nodes, weights, inputs, outputs)],
        task=Task.TASK_KEYPOINT_DETECTION,
        input=letterbox(),
        keypoints=ModelBundle.KeypointHead(),
    )
    del tiny.manifest.categories[classes:]
    for category in tiny.manifest.categories:
        category.keypoints.extend(["head", "tail"])
    return tiny


def anchors() -> TinyBundle:
    """RetinaNet's answers over two levels of 8 x 8 and 4 x 4 cells with an anchor each."""
    rng = np.random.default_rng(7)
    weights: dict[str, np.ndarray] = {}
    nodes = []
    for name, columns in (("class_logits", len(NAMES)), ("deltas", 4)):
        weights[f"{name}_shape"] = np.array([0, -1, columns], dtype=np.int64)
        for level, stride in enumerate((8, 16)):
            planes = f"{name}_{level}"
            weights[f"{planes}_w"] = rng.normal(0, 0.1, (columns, 3, stride, stride)).astype(np.float32)
            nodes += [
                helper.make_node("Conv", ["images", f"{planes}_w"], [planes], strides=[stride, stride]),
                helper.make_node("Transpose", [planes], [f"{planes}_t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{planes}_t", f"{name}_shape"], [f"{planes}_r"]),
            ]
        nodes.append(helper.make_node("Concat", [f"{name}_0_r", f"{name}_1_r"], [name], axis=1))
    outputs: dict[str, Shape] = {"class_logits": ["batch", 80, len(NAMES)], "deltas": ["batch", 80, 4]}
    graph = onnx_graph("network", nodes, weights, {"images": ["batch", 3, 64, 64]}, outputs)
    head = ModelBundle.AnchorHead(decoder=ModelBundle.AnchorHead.RETINANET, top_k=50, box_weights=[1, 1, 1, 1])
    for stride in (8, 16):
        head.levels.add(base_anchors=[-stride, -stride, stride, stride], stride=stride, whole_steps=True)
    return bundle([graph], input=letterbox(), anchors=head)


def mask_rcnn() -> TinyBundle:
    rng = np.random.default_rng(4)
    depth, classes, pool = 8, len(NAMES), 4
    weights: dict[str, np.ndarray] = {}
    dense_outputs: dict[str, Shape] = {}
    nodes = []
    for level, stride in enumerate((4, 8)):
        for name, planes, source, step in (
            ("features", depth, "images", stride),
            ("objectness", 1, f"features_{level}", 1),
            ("deltas", 4, f"features_{level}", 1),
        ):
            inputs = 3 if source == "images" else depth
            weights[f"{name}_w{level}"] = rng.normal(0, 0.25, (planes, inputs, step, step)).astype(np.float32)
            output = f"{name}_{level}"
            nodes.append(helper.make_node("Conv", [source, f"{name}_w{level}"], [output], strides=[step, step]))
            dense_outputs[output] = ["batch", planes, f"height_{level}", f"width_{level}"]
    dense_inputs: dict[str, Shape] = {"images": ["batch", 3, "height", "width"]}
    dense = onnx_graph("dense", nodes, weights, dense_inputs, dense_outputs)

    roi_inputs: dict[str, Shape] = {f"features_{i}": ["batch", depth, f"h{i}", f"w{i}"] for i in range(2)}
    roi_inputs |= {f"rois_{i}": [f"regions_{i}", 5] for i in range(2)}
    pooling = [node for level in range(2) for node in roi_pool(level, 1 / (4 << level), pool)]
    pooling.append(helper.make_node("Concat", ["pooled_0", "pooled_1"], ["pooled"], axis=0))
    constants = {"first": np.array([0]), "one": np.array([1]), "five": np.array([5])}
    box_weights = {
        **constants,
        "class_weights": rng.normal(0, 0.05, (depth * pool * pool, classes + 1)).astype(np.float32),
        "delta_weights": rng.normal(0, 0.1, (depth * pool * pool, 4 * (classes + 1))).astype(np.float32),
    }
    box_nodes = [
        *pooling,
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "class_weights"], ["class_logits"]),
        helper.make_node("MatMul", ["flat", "delta_weights"], ["deltas"]),
    ]
    box_outputs: dict[str, Shape] = {"class_logits": ["regions", classes + 1], "deltas": ["regions", 4 * (classes + 1)]}
    boxes = onnx_graph("boxes", box_nodes, box_weights, roi_inputs, box_outputs)
    mask_weights = {**constants, "mask_w": rng.normal(0, 1, (classes, depth, 1, 1)).astype(np.float32)}
    mask_nodes = [
        *pooling,
        helper.make_node("Conv", ["pooled", "mask_w"], ["mask_logits"]),
        helper.make_node("Sigmoid", ["mask_logits"], ["masks"]),
    ]
    masks = onnx_graph("masks", mask_nodes, mask_weights, roi_inputs, {"masks": ["regions", classes, pool, pool]})

    rule = ModelBundle.Input(
        resize=ModelBundle.Input.SHORTEST_SIDE,
        width=128,
        height=64,
        stride=16,
        color_order=ModelBundle.Input.RGB,
        scale=1 / 255,
        mean=[0.5, 0.5, 0.5],
        std=[0.25, 0.25, 0.25],
    )
    head = ModelBundle.RcnnHead(
        anchor_levels=[
            ModelBundle.RcnnHead.AnchorLevel(base_anchors=[-8, -8, 8, 8]),
            ModelBundle.RcnnHead.AnchorLevel(base_anchors=[-16, -16, 16, 16]),
        ],
        pre_nms_top_n=50,
        post_nms_top_n=40,
        proposal_nms_threshold=0.7,
        proposal_min_size=1e-3,
        proposal_box_weights=[1, 1, 1, 1],
        box_weights=[10, 10, 5, 5],
        box_min_size=1e-2,
        pooled_levels=2,
        canonical_level=3,
        canonical_scale=24,
        finest_level=2,
        mask_threshold=0.5,
    )
    return bundle([dense, boxes, masks], task=Task.TASK_INSTANCE_SEGMENTATION, input=rule, rcnn=head)


def halved(bundle: TinyBundle) -> TinyBundle:
    """The same in half precision, its inputs and outputs, too."""
    manifest, files = ModelBundle(), {}
    manifest.CopyFrom(bundle.manifest)
    del manifest.files[:]
    for path, data in bundle.files.items():
        model = ModelProto.FromString(data)
        for index, weight in enumerate(model.graph.initializer):
            if weight.data_type == TensorProto.FLOAT:
                values = numpy_helper.to_array(weight).astype(np.float16)
                model.graph.initializer[index].CopyFrom(numpy_helper.from_array(values, weight.name))
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
        files[path] = model.SerializeToString()
        manifest.files.append(file_entry(path, files[path]))
    for graph in manifest.graphs:
        for tensor in (*graph.inputs, *graph.outputs):
            tensor.dtype = "float16"
    return TinyBundle(manifest, files)


def bundle(graphs: Sequence[tuple[ModelBundle.Graph, bytes]], **fields: object) -> TinyBundle:
    task = fields.pop("task", Task.TASK_OBJECT_DETECTION)
    files = {graph.path: data for graph, data in graphs}
    manifest = ModelBundle(
        format_version=1,
        task=task,  # type: ignore[arg-type]
        architecture="tiny",
        categories=categories(),
        files=[file_entry(path, data) for path, data in files.items()],
        graphs=[graph for graph, _ in graphs],
        **fields,  # type: ignore[arg-type]
    )
    return TinyBundle(manifest, files)


def onnx_graph(
    name: str,
    nodes: Sequence[NodeProto],
    weights: Mapping[str, np.ndarray],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
) -> tuple[ModelBundle.Graph, bytes]:
    """A graph of float32 tensors, and its entry in a manifest."""
    told, answered = (
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, list(shape)) for key, shape in side.items()]
        for side in (inputs, outputs)
    )
    constants = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, name, told, answered, initializer=constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    entry = ModelBundle.Graph(
        name=name,
        path=f"{name}.onnx",
        inputs=[ModelBundle.Tensor(name=key, dtype="float32", shape=map(str, shape)) for key, shape in inputs.items()],
        outputs=[
            ModelBundle.Tensor(name=key, dtype="float32", shape=map(str, shape)) for key, shape in outputs.items()
        ],
    )
    return entry, model.SerializeToString()


def conv(source: str, level: int, output: str, stride: int) -> NodeProto:
    return helper.make_node("Conv", [source, f"w{level}", f"b{level}"], [output], strides=[stride, stride])


def roi_pool(level: int, scale: float, size: int) -> list[NodeProto]:
    """RoiAlign as torchvision's, on `rois_i` [R, 5]."""
    rois = f"rois_{level}"
    return [
        helper.make_node("Slice", [rois, "first", "one", "one"], [f"batch_{level}"]),
        helper.make_node("Squeeze", [f"batch_{level}", "one"], [f"row_{level}"]),
        helper.make_node("Cast", [f"row_{level}"], [f"index_{level}"], to=TensorProto.INT64),
        helper.make_node("Slice", [rois, "one", "five", "one"], [f"corners_{level}"]),
        helper.make_node(
            "RoiAlign",
            [f"features_{level}", f"corners_{level}", f"index_{level}"],
            [f"pooled_{level}"],
            output_height=size,
            output_width=size,
            sampling_ratio=2,
            spatial_scale=scale,
            coordinate_transformation_mode="output_half_pixel",
        ),
    ]


def rows_as_cells() -> NodeProto:
    """An answer of the right rank and the wrong lengths: `pixels` [n, 3, 64, 64] as `answer` [n, 64, 64]."""
    return helper.make_node("Einsum", ["pixels"], ["answer"], equation="nchw->nhw")
