"""Runs a bundle's graphs by TensorRT itself: compiled for this GPU once, then read from the plan cache."""

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from framecast.errors import FailedPreconditionError, InternalError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.device_tensor import DeviceTensor
from framecast_bundle.engine import FloatArray, Tensor
from framecast_bundle.engines.cuda_runtime import CudaRuntime, DeviceMemory, Stream
from framecast_bundle.engines.device_lanes import DeviceBuffers, Lanes
from framecast_bundle.engines.fixed_batch import run_in_chunks
from framecast_bundle.engines.onnx_tensors import precision_of
from framecast_bundle.engines.plan_cache import PlanCache, PlanKey, default_folder
from framecast_bundle.engines.precision import CALIBRATION_SUFFIX, Precision, refuse_uncalibrated
from framecast_bundle.engines.shape_profile import ShapeProfile, shape_profiles
from framecast_bundle.engines.tensorrt_plan import build_plan, import_tensorrt
from framecast_bundle.manifest import check_bytes

log = logging.getLogger(__name__)


class _Lane:
    """One run at a time."""

    def __init__(self, engine: Any, cuda: CudaRuntime) -> None:
        self.context = engine.create_execution_context()
        if self.context is None:
            raise InternalError("TensorRT has no memory for another context", reason="CONTEXT_NOT_CREATED")
        self.stream = Stream(cuda)
        self.buffers = DeviceBuffers(cuda, self.stream)


class _Network:
    """A compiled graph."""

    def __init__(
        self, trt: Any, runtime: Any, plan: bytes, graph: str, profiles: Mapping[str, ShapeProfile], cuda: CudaRuntime
    ) -> None:
        self._cuda = cuda
        self._graph = graph
        self.profiles = profiles
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise InternalError(
                f"TensorRT cannot load its own plan of graph {graph!r}; its messages in the log say why",
                reason="PLAN_NOT_LOADED",
                graph=graph,
            )
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self._types: dict[str, np.dtype[Any]] = {
            name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names
        }
        self._inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._outputs = [name for name in names if name not in self._inputs]
        self._lanes = Lanes(lambda: _Lane(engine, cuda))

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str]) -> dict[str, Any]:
        self._check(inputs)
        with self._lanes.take() as lane:
            context, stream = lane.context, lane.stream
            for name in self._inputs:
                tensor = lane.buffers.put(name, inputs[name], self._types[name])
                if not context.set_input_shape(name, tensor.shape):
                    self._refuse(inputs, f"input {name!r} is outside of what it was compiled for")
                context.set_tensor_address(name, tensor.address)
            outputs = {name: self._room(lane, name, name in keep) for name in self._outputs}
            for name, tensor in outputs.items():
                context.set_tensor_address(name, tensor.address)
            if not context.execute_async_v3(stream.handle):
                raise InternalError(f"graph {self._graph!r} failed", reason="GRAPH_FAILED", graph=self._graph)
            answers: dict[str, Any] = {}
            for name, tensor in outputs.items():
                if name in keep:
                    answers[name] = tensor
                else:
                    answers[name] = array = np.empty(tensor.shape, tensor.dtype)
                    stream.download(tensor, array)
            stream.wait()
        return answers

    def close(self) -> None:
        self._lanes.close()

    def _room(self, lane: _Lane, name: str, kept: bool) -> DeviceTensor:
        shape = tuple(lane.context.get_tensor_shape(name))
        if any(length < 0 for length in shape):
            raise InternalError(
                f"output {name!r} of graph {self._graph!r} has no length before it is computed; use device cuda",
                reason="OUTPUT_SHAPE_UNKNOWN",
                graph=self._graph,
            )
        if not kept:
            return lane.buffers.room(name, shape, self._types[name])
        memory = DeviceMemory(self._cuda, DeviceTensor(0, shape, self._types[name], None).nbytes)
        return DeviceTensor(memory.address, shape, self._types[name], memory)

    def _check(self, inputs: Mapping[str, Tensor]) -> None:
        if set(inputs) != set(self._inputs):
            self._refuse(inputs, f"it takes {self._inputs}")
        for name, value in inputs.items():
            profile = self.profiles[name]
            spans = zip(profile.least, tuple(value.shape), profile.most, strict=False)
            if len(value.shape) != len(profile.least) or not all(low <= n <= high for low, n, high in spans):
                self._refuse(inputs, f"{name!r} must lie between {list(profile.least)} and {list(profile.most)}")

    def _refuse(self, inputs: Mapping[str, Tensor], why: str) -> None:
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        raise FailedPreconditionError(
            f"graph {self._graph!r} does not take inputs {shapes}: {why}",
            reason="GRAPH_INPUT_MISMATCH",
            graph=self._graph,
        )


class TensorRtEngine:
    """A plan per graph of the bundle. `run` may be called from several threads at once."""

    fallback = ""

    def __init__(
        self,
        manifest: ModelBundle,
        read_file: Callable[[str], bytes],
        *,
        precision: Precision = "auto",
        max_batch: int = 8,
        plan_folder: Path | None = None,
        cuda: CudaRuntime | None = None,
        trt: Any = None,
    ) -> None:
        """Compiles what the plan cache does not have, for batches of up to `max_batch`; larger ones run in parts.

        `cuda` and `trt` stand for CUDA's runtime and the module `tensorrt`; left out, the installed ones.

        Raises FailedPreconditionError where TensorRT, a GPU or a calibration is missing, DataLossError for a file that
        is not the one pinned, and what `build_plan` and `shape_profiles` raise.
        """
        trt = trt or import_tensorrt()
        cuda = cuda or CudaRuntime.open()  # first: without a driver, TensorRT's own objects end the process
        self._version = trt.__version__
        self.precision = precision_of(manifest) if precision == "auto" else precision
        """What the graphs compute in, at the least."""
        self._cuda = cuda
        self._max_batch = max_batch
        self._networks: dict[str, _Network] = {}
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        cache = PlanCache(plan_folder or default_folder())
        entries = {file.path: file for file in manifest.files}

        def pinned(path: str) -> bytes:
            data = read_file(path)
            check_bytes(entries[path], data)
            return data

        for graph in manifest.graphs:
            profiles = shape_profiles(manifest, graph, max_batch=max_batch)
            calibration = graph.path + CALIBRATION_SUFFIX if precision == "int8" else ""
            if calibration and calibration not in entries:
                refuse_uncalibrated(graph.path)
            key = PlanKey(
                graph_sha256=entries[graph.path].sha256,
                calibration_sha256=entries[calibration].sha256 if calibration else "",
                architecture=cuda.architecture(),
                tensorrt=self._version,
                precision=precision,
                profiles=profiles,
            )

            def build(
                graph: ModelBundle.Graph = graph,
                profiles: Mapping[str, ShapeProfile] = profiles,
                calibration: str = calibration,
            ) -> bytes:
                log.info("plan_building", extra={"graph": graph.path, "precision": precision})
                stored = pinned(calibration) if calibration else b""
                onnx = pinned(graph.path)
                return build_plan(trt, onnx, graph.path, profiles, precision=precision, calibration=stored)

            plan = cache.get(key, build)
            try:
                self._networks[graph.name] = _Network(trt, self._runtime, plan, graph.name, profiles, cuda)
            except InternalError:
                cache.forget(key)  # the next load builds it again
                raise
        log.info("engine_loaded", extra={"provider": self.name, "graphs": len(self._networks)})

    @property
    def name(self) -> str:
        """`TensorRT` with its version."""
        return f"TensorRT {self._version}"

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        """See `Engine.run`."""
        network = self._networks.get(graph)
        if network is None:
            raise FailedPreconditionError(
                f"the bundle has no graph {graph!r}; it has {sorted(self._networks)}",
                reason="GRAPH_MISSING",
                graph=graph,
            )
        if len(inputs) == 1 and not keep:
            rows = len(next(iter(inputs.values())))
            if rows > self._max_batch:
                return run_in_chunks(
                    lambda chunk: network.run(chunk, ()), cast(Mapping[str, np.ndarray], inputs), self._max_batch
                )
        return network.run(inputs, keep)

    def host_buffer(self, shape: tuple[int, ...]) -> FloatArray:
        """See `ServingEngine.host_buffer`."""
        memory: npt.NDArray[np.float32] = self._cuda.pinned(shape)
        return memory

    def device_bytes(self) -> int:
        """See `ServingEngine.device_bytes`."""
        return self._cuda.used_bytes()

    def close(self) -> None:
        """Drops the networks, and with them their memory."""
        for network in self._networks.values():
            network.close()
        self._networks.clear()
