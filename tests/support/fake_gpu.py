"""What stands for a GPU where there is none: CUDA's runtime on the host's memory, TensorRT's module by ONNX Runtime.

Only the device is replaced: libraries are called by the names, types and orders of the real ones, and what is not part
of those does not exist here.
"""

import base64
import ctypes
import enum
import functools
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from framecast_bundle.engines.cuda_runtime import CudaRuntime
from framecast_bundle.engines.onnx_tensors import numpy_type


@functools.cache
def fake_cudart() -> str:
    """Path of the library, compiled once."""
    library = Path(tempfile.mkdtemp(prefix="fake-cudart-")) / "libcudart.so"
    source = Path(__file__).with_name("fake_cudart.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return str(library)


def fake_cuda() -> CudaRuntime:
    """The real wrapper around the library."""
    return CudaRuntime(fake_cudart())


def live_allocations() -> int:
    """What was allocated and is not freed: memory, and streams."""
    return int(ctypes.CDLL(fake_cudart()).fake_live())


class _BuilderFlag10(enum.IntEnum):
    FP16 = 0
    INT8 = 1
    TF32 = 7


class _BuilderFlag11(enum.IntEnum):
    TF32 = 7


class FakeTensorRt:
    """The part of the module `tensorrt` (version 10) that the engine calls."""

    __version__ = "10.13.0"

    def __init__(self, *, converts: bool = True) -> None:
        """`converts`: whether it knows precisions that the graph is not in, as TensorRT 10 does and 11 does not."""
        self.builds: list[dict[str, Any]] = []
        self.BuilderFlag: Any = _BuilderFlag10 if converts else _BuilderFlag11
        if not converts:
            self.__version__ = "11.4.0"

    class Logger:
        WARNING = 2

        def __init__(self, severity: int) -> None:
            self.severity = severity

    class NetworkDefinitionCreationFlag(enum.IntEnum):
        EXPLICIT_BATCH = 0
        STRONGLY_TYPED = 1

    class TensorIOMode(enum.Enum):
        NONE = 0
        INPUT = 1
        OUTPUT = 2

    class IInt8EntropyCalibrator2:
        def __init__(self) -> None:
            self.made = True

    def nptype(self, dtype: Any) -> "np.dtype[Any]":
        return numpy_type(dtype)

    def Builder(self, logger: "FakeTensorRt.Logger") -> "_Builder":
        return _Builder(self)

    def OnnxParser(self, network: "_Definition", logger: "FakeTensorRt.Logger") -> "_Parser":
        return _Parser(network)

    def Runtime(self, logger: "FakeTensorRt.Logger") -> "_Runtime":
        return _Runtime(self)


class _Definition:
    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.graph = b""


class _Parser:
    def __init__(self, network: _Definition) -> None:
        self._network = network
        self.num_errors = 0

    def parse(self, data: bytes) -> bool:
        try:
            onnx.checker.check_model(onnx.load_from_string(data))
        except Exception:
            self.num_errors = 1
            return False
        self._network.graph = data
        return True

    def get_error(self, index: int) -> str:
        return "In node 0: the model is not one"


class _Config:
    def __init__(self, tensorrt: FakeTensorRt) -> None:
        self.flags = {tensorrt.BuilderFlag.TF32}
        self.profiles: list[_Profile] = []
        self.int8_calibrator: Any = None

    def set_flag(self, flag: Any) -> None:
        self.flags.add(flag)

    def clear_flag(self, flag: Any) -> None:
        self.flags.discard(flag)

    def add_optimization_profile(self, profile: "_Profile") -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, list[list[int]]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:
        assert all(low <= usual <= high for low, usual, high in zip(min, opt, max, strict=True))
        self.shapes[input] = [list(min), list(opt), list(max)]


class _Builder:
    def __init__(self, tensorrt: FakeTensorRt) -> None:
        self._tensorrt = tensorrt

    def create_network(self, flags: int) -> _Definition:
        return _Definition(flags)

    def create_builder_config(self) -> _Config:
        return _Config(self._tensorrt)

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: _Definition, config: _Config) -> bytes | None:
        (profile,) = config.profiles
        names = {tensor.name for tensor in onnx.load_from_string(network.graph).graph.input}
        if names != set(profile.shapes):
            return None
        calibration = config.int8_calibrator.read_calibration_cache() if config.int8_calibrator else b""
        self._tensorrt.builds.append(
            {
                "strongly_typed": bool(network.flags & 2),
                "flags": {flag.name for flag in config.flags},
                "calibration": calibration,
                "shapes": profile.shapes,
            }
        )
        return json.dumps({"graph": base64.b64encode(network.graph).decode(), "shapes": profile.shapes}).encode()


class _Runtime:
    def __init__(self, tensorrt: FakeTensorRt) -> None:
        self._tensorrt = tensorrt

    def deserialize_cuda_engine(self, plan: bytes) -> "_Engine | None":
        try:
            stored = json.loads(plan)
        except ValueError:
            return None
        return _Engine(self._tensorrt, base64.b64decode(stored["graph"]), stored["shapes"])


class _Engine:
    def __init__(self, tensorrt: FakeTensorRt, graph: bytes, shapes: Mapping[str, list[list[int]]]) -> None:
        self._tensorrt = tensorrt
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self.shapes = shapes
        self.inputs = {tensor.name: tensor.type for tensor in self.session.get_inputs()}
        self.outputs = {tensor.name: tensor.type for tensor in self.session.get_outputs()}
        self._names = [*self.inputs, *self.outputs]

    @property
    def num_io_tensors(self) -> int:
        return len(self._names)

    def get_tensor_name(self, index: int) -> str:
        return str(self._names[index])

    def get_tensor_mode(self, name: str) -> "FakeTensorRt.TensorIOMode":
        return FakeTensorRt.TensorIOMode.INPUT if name in self.inputs else FakeTensorRt.TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return {**self.inputs, **self.outputs}[name]

    def create_execution_context(self) -> "_Context":
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine.shapes[name]
        self._shapes[name] = tuple(shape)
        return all(low <= length <= high for low, length, high in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self._engine.inputs:
            return self._shapes[name]
        zeros = {each: np.zeros(self._shapes[each], numpy_type(kind)) for each, kind in self._engine.inputs.items()}
        return tuple(self._engine.session.run([name], zeros)[0].shape)

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle
        engine = self._engine
        inputs = {}
        for name, kind in engine.inputs.items():
            array = np.empty(self._shapes[name], numpy_type(kind))
            ctypes.memmove(array.ctypes.data, self._addresses[name], array.nbytes)
            inputs[name] = array
        for name, value in zip(engine.outputs, engine.session.run(list(engine.outputs), inputs), strict=True):
            ctypes.memmove(self._addresses[name], np.ascontiguousarray(value).ctypes.data, value.nbytes)
        return True
