"""Runs a bundle's graphs by ONNX Runtime, on a CPU or an NVIDIA GPU."""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np

from framecast.errors import FailedPreconditionError, FramecastError, InternalError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import FloatArray, Tensor
from framecast_bundle.engines.bound_session import BoundSession
from framecast_bundle.engines.cuda_runtime import CudaRuntime
from framecast_bundle.engines.fixed_batch import run_in_chunks
from framecast_bundle.engines.onnx_session import (
    CPU,
    TENSORRT,
    Device,
    choose_provider,
    first_line,
    open_session,
    tensorrt_options,
)
from framecast_bundle.engines.onnx_tensors import check_tensors, fixed_batch, precision_of
from framecast_bundle.engines.plan_cache import default_folder, write_whole
from framecast_bundle.engines.precision import CALIBRATION_SUFFIX, Precision, refuse_conversion, refuse_uncalibrated
from framecast_bundle.engines.shape_profile import shape_profiles
from framecast_bundle.manifest import check_bytes

log = logging.getLogger(__name__)

ReadFile = Callable[[str], bytes]


class OnnxRuntimeEngine:
    """A session per graph of the bundle. `run` may be called from several threads at once.

    On a GPU, inputs and what the next graph needs stay in the device's memory.
    """

    def __init__(
        self,
        manifest: ModelBundle,
        read_file: ReadFile | Path,
        *,
        device: Device = "auto",
        threads: int = 0,
        precision: Precision = "auto",
        max_batch: int = 8,
        plan_folder: Path | None = None,
        opened: Mapping[str, Any] | None = None,
    ) -> None:
        """Loads every graph; `read_file` gives a file's bytes by its path in the bundle, or is the bundle's folder.

        `threads` bounds the threads of one graph on the CPU, 0 leaves it to ONNX Runtime. `precision`, `max_batch` and
        `plan_folder` are for device `tensorrt`, which compiles for them. `opened` has sessions of `open_session` by
        graph, whose files are not read again.

        Raises FailedPreconditionError where ONNX Runtime or the device is missing, DataLossError for a file that is not
        the one pinned, InvalidArgumentError for a graph that does not load or does not fit, UnimplementedError for a
        precision that the device cannot compute the graphs in.
        """
        if isinstance(read_file, Path):
            folder = read_file
            read_file = lambda path: (folder / path).read_bytes()  # noqa: E731
        self._manifest = manifest
        self._read_file = read_file
        self._entries = {file.path: file for file in manifest.files}
        self._provider = choose_provider(device)
        self.precision = precision_of(manifest)
        """What the graphs compute in."""
        if precision not in ("auto", self.precision):
            if self._provider != TENSORRT:
                refuse_conversion(precision, self._provider)
            self.precision = precision
        self.fallback = ""
        """Why it does not run on the device that was wanted; empty where it does."""
        self._sessions: dict[str, Any] = {}
        self._bound: dict[str, BoundSession] = {}
        self._fixed_batches: dict[str, int] = {}
        self._outputs: dict[str, list[str]] = {}
        self._halves: dict[str, frozenset[str]] = {}
        self._cuda: CudaRuntime | None = None
        for graph in manifest.graphs:
            session = (opened or {}).get(graph.name) or self._open(graph, threads, max_batch, plan_folder)
            self._settle_on_provider(session, device)
            check_tensors(graph, session)
            self._sessions[graph.name] = session
            self._fixed_batches[graph.name] = fixed_batch(graph)
            self._outputs[graph.name] = [output.name for output in session.get_outputs()]
            self._halves[graph.name] = frozenset(t.name for t in graph.inputs if t.dtype == "float16")
        if self._provider != CPU:
            # Behind the sessions, whose provider has loaded the library by now.
            self._cuda = CudaRuntime.open()
            self._bound = {name: BoundSession(session, self._cuda) for name, session in self._sessions.items()}
        log.info("engine_loaded", extra={"provider": self._provider, "graphs": len(self._sessions)})

    @property
    def name(self) -> str:
        """The execution provider that computes, such as `CPUExecutionProvider`."""
        return self._provider

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        """See `Engine.run`. A graph with a fixed batch is run as often as the rows need."""
        if graph not in self._sessions:
            raise FailedPreconditionError(
                f"the bundle has no graph {graph!r}; it has {sorted(self._sessions)}",
                reason="GRAPH_MISSING",
                graph=graph,
            )
        batch = self._fixed_batches[graph]
        if batch and len(next(iter(inputs.values()))) != batch:
            return run_in_chunks(
                lambda chunk: self._run(graph, chunk, ()), cast(Mapping[str, np.ndarray], inputs), batch
            )
        return self._run(graph, inputs, keep)

    def host_buffer(self, shape: tuple[int, ...]) -> FloatArray:
        """See `ServingEngine.host_buffer`: page-locked for a GPU."""
        return np.empty(shape, np.float32) if self._cuda is None else self._cuda.pinned(shape)

    def device_bytes(self) -> int:
        """See `ServingEngine.device_bytes`."""
        return 0 if self._cuda is None else self._cuda.used_bytes()

    def close(self) -> None:
        """Drops the sessions, and with them their memory."""
        for bound in self._bound.values():
            bound.close()
        self._bound.clear()
        self._sessions.clear()

    def _run(self, graph: str, inputs: Mapping[str, Tensor], keep: Collection[str]) -> dict[str, Any]:
        session, outputs, bound = self._sessions[graph], self._outputs[graph], self._bound.get(graph)
        try:
            if bound is not None:
                return bound.run(outputs, inputs, keep)
            given = dict(inputs)
            for name in self._halves[graph]:
                given[name] = np.asarray(given[name], dtype=np.float16)
            return dict(zip(outputs, session.run(outputs, given), strict=True))
        except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception.
            _refuse_run(graph, inputs, error)

    def _open(self, graph: ModelBundle.Graph, threads: int, max_batch: int, plan_folder: Path | None) -> Any:
        data = self._pinned(graph.path)
        if self._provider != TENSORRT:
            return open_session(data, self._provider, threads, graph.path)
        profiles = shape_profiles(self._manifest, graph, max_batch=max_batch)
        kind = f"{self._entries[graph.path].sha256}-{self.precision}"
        cache = (plan_folder or default_folder()) / "onnxruntime" / kind
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        calibration = ""
        if self.precision == "int8":
            path = graph.path + CALIBRATION_SUFFIX
            if path not in self._entries:
                refuse_uncalibrated(graph.path)
            calibration = hashlib.sha256(path.encode()).hexdigest()[:16]
            write_whole(cache / calibration, self._pinned(path))
        options = tensorrt_options(profiles, cache=cache, precision=self.precision, calibration=calibration)
        return open_session(data, TENSORRT, threads, graph.path, tensorrt=options)

    def _pinned(self, path: str) -> bytes:
        data = self._read_file(path)
        check_bytes(self._entries[path], data)
        return data

    def _settle_on_provider(self, session: Any, device: Device) -> None:
        actual = session.get_providers()[0]
        if actual == self._provider:
            return
        # A GPU provider that cannot load only logs, and computes elsewhere in silence.
        if device != "auto" or self._sessions:
            raise FailedPreconditionError(
                f"ONNX Runtime offers {self._provider} but could not load it and fell back to {actual}; check the "
                "driver, CUDA, cuDNN and TensorRT (its log names the library), or ask for device cpu",
                reason="DEVICE_UNAVAILABLE",
                device=device,
                provider=self._provider,
                actual=actual,
            )
        self.fallback = f"ONNX Runtime offers {self._provider} but could not load it; its log names the library"
        log.warning("gpu_not_usable", extra={"provider": self._provider, "actual": actual})
        self._provider = CPU


def _refuse_run(graph: str, inputs: Mapping[str, Tensor], error: Exception) -> NoReturn:
    if isinstance(error, FramecastError):
        raise error
    detail = first_line(error)
    if "INVALID_ARGUMENT" in detail or isinstance(error, ValueError | KeyError):
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        raise FailedPreconditionError(
            f"graph {graph!r} does not take inputs {shapes}: {detail}", reason="GRAPH_INPUT_MISMATCH", graph=graph
        ) from error
    raise InternalError(f"graph {graph!r} failed: {detail}", reason="GRAPH_FAILED", graph=graph) from error
