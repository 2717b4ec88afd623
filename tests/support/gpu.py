"""Whether there is a GPU that the libraries can use, and what is missing where there is none."""

import functools

from framecast.errors import FailedPreconditionError
from framecast_bundle.engines.cuda_runtime import CudaRuntime
from framecast_bundle.engines.tensorrt_plan import import_tensorrt

LIBRARIES = ("torch", "onnxruntime")
"""That a bare `gpu` mark asks for; `tensorrt` and `onnxruntime-tensorrt` are asked for by name."""


@functools.cache
def why_no_gpu(library: str) -> str | None:
    """Why a library cannot compute on a GPU here; None where it can."""
    return {
        "torch": _why_not_torch,
        "onnxruntime": _why_not_onnxruntime,
        "onnxruntime-tensorrt": _why_not_onnxruntime_tensorrt,
        "tensorrt": _why_not_tensorrt,
    }[library]()


def _why_not_torch() -> str | None:
    import torch

    if torch.version.cuda is None:
        return "no GPU: this PyTorch is built without CUDA"
    return None if torch.cuda.is_available() else "no GPU: PyTorch finds no CUDA device or driver"


def _why_not_tensorrt() -> str | None:
    try:
        import_tensorrt()
        CudaRuntime.open()
    except FailedPreconditionError as error:
        return f"no GPU: {error.message}"
    return None


def _why_not_onnxruntime_tensorrt() -> str | None:
    return _why_not_onnxruntime("TensorrtExecutionProvider")


def _why_not_onnxruntime(wanted: str = "CUDAExecutionProvider") -> str | None:
    import onnxruntime
    from onnx import TensorProto, helper

    if wanted not in onnxruntime.get_available_providers():
        return f"no GPU: this ONNX Runtime has no {wanted}; install framecast-services[gpu] in place of [cpu]"
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "one", tensors[:1], tensors[1:])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    # One that cannot load its libraries only says so in its log.
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=[wanted])
    if session.get_providers()[0] != wanted:
        return f"no GPU: {wanted} does not load; it needs a driver, CUDA and cuDNN"
    return None
