"""Two networks for `benchmarks.video_stream`: YOLOv5n with random weights, and one of about 2 ms a frame."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = 80
STRIDES = (8, 16, 32)
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
_CHANNELS = 3 * (5 + CLASSES)
_OBJECT = 4
Floats = NDArray[np.float64]


def descriptor(architecture: str) -> str:
    """For `framecast models import`."""
    rule = {"size": 640, "resize": "letterbox_center", "color_order": "rgb", "scale": 1 / 255, "pad_value": 114}
    head = {"kind": "yolov5", "strides": STRIDES, "anchors": ANCHORS, "multi_label": False}
    classes = [f"class {number}" for number in range(CLASSES)]
    return json.dumps(
        {"task": "object_detection", "architecture": architecture, "classes": classes, "input": rule, "head": head}
    )


def small(path: Path) -> None:
    """Three levels behind four convolutions: about 70 million multiplications at 640 x 640."""
    rng = np.random.default_rng(0)
    nodes, weights, outputs = [], [], []

    def convolution(source: str, name: str, kernel: Floats, bias: Floats, stride: int) -> None:
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"{name}.weight"))
        weights.append(numpy_helper.from_array(bias.astype(np.float32), f"{name}.bias"))
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], strides=[stride] * 2))

    def kernel(inputs: int, channels: int, size: int) -> Floats:
        spread = float(np.sqrt(2 / (inputs * size * size)))
        return rng.normal(0, spread, (channels, inputs, size, size))

    def level(source: str, number: int, inputs: int) -> None:
        """As of a trained network, few places are objects, and those have a class; the rest are far below."""
        heads, bias = kernel(inputs, _CHANNELS, 1), np.full(_CHANNELS, 0.5)
        heads[_OBJECT :: 5 + CLASSES] *= 8
        bias[_OBJECT :: 5 + CLASSES] = -8.5
        name, side = f"head_{number}", 640 // STRIDES[number]
        convolution(source, name, heads, bias, 1)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", _CHANNELS, side, side]))

    def block(source: str, name: str, inputs: int, channels: int, size: int, stride: int) -> str:
        convolution(source, f"{name}.conv", kernel(inputs, channels, size), np.zeros(channels), stride)
        nodes.append(helper.make_node("Relu", [f"{name}.conv"], [name]))
        return name

    eighth = block("images", "eighth", 3, 16, 8, 8)
    level(eighth, 0, 16)
    sixteenth = block(eighth, "sixteenth", 16, 24, 2, 2)
    level(sixteenth, 1, 24)
    thirtysecond = block(sixteenth, "thirtysecond", 24, 32, 2, 2)
    level(thirtysecond, 2, 32)
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 640, 640])
    graph = helper.make_graph(nodes, "network", [picture], outputs, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def yolov5n(path: Path) -> None:
    """As the trainer exports it; torch is needed for this alone."""
    import torch

    from framecast_trainer.learning import export
    from framecast_trainer.learning.architectures import ARCHITECTURES
    from framecast_trainer.learning.architectures.architecture import BuildRequest

    torch.manual_seed(0)
    learner = ARCHITECTURES["yolov5n"].build(BuildRequest(class_count=CLASSES, image_size=640, backbone=""))
    export.write_graphs(learner, path.parent)
    (path.parent / "network.onnx").rename(path)


NETWORKS = {"small": small, "yolov5n": yolov5n}
