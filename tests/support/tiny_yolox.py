"""A YOLOX-shaped network of one convolution with seeded weights: real ONNX, well below a millisecond to run."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SIZE = 64
_CELLS = 84  # of strides 8, 16 and 32
_DESCRIPTOR = Path(__file__).resolve().parents[2] / "examples/yolox_nano.yaml"


def write_tiny_yolox(folder: Path) -> tuple[Path, Path]:
    """Writes graph and descriptor; returns their paths."""
    graph, descriptor = folder / "tiny_yolox.onnx", folder / "tiny_yolox.yaml"
    onnx.save(_model(), graph)
    descriptor.write_text(_DESCRIPTOR.read_text().replace("size: 416", f"size: {_SIZE}"))
    return graph, descriptor


def _model() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    constants: dict[str, np.ndarray] = {
        "weights": (rng.standard_normal((85, 3, 8, 8)) * 0.002).astype(np.float32),
        "bias": np.concatenate([np.zeros(5), np.full(80, -1.0)]).astype(np.float32),
        "shape": np.array([1, 85, -1], np.int64),
        "sizes": np.array([4, 81], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "weights", "bias"], ["p8"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("AveragePool", ["p8"], ["p16"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("AveragePool", ["p16"], ["p32"], kernel_shape=[2, 2], strides=[2, 2]),
        *(helper.make_node("Reshape", [level, "shape"], [f"{level} cells"]) for level in ("p8", "p16", "p32")),
        helper.make_node("Concat", ["p8 cells", "p16 cells", "p32 cells"], ["cells"], axis=2),
        helper.make_node("Transpose", ["cells"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Split", ["rows", "sizes"], ["boxes", "logits"], axis=2),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, _SIZE, _SIZE])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, _CELLS, 85])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
