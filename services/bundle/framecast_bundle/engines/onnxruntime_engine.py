"""Runs a bundle's graphs by ONNX Runtime, on a CPU or an NVIDIA GPU."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from framecast.errors import FailedPreconditionError, InternalError, InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engines.fixed_batch import run_in_chunks
from framecast_bundle.engines.onnx_tensors import check_tensors, fixed_batch, precision_of
from framecast_bundle.manifest import check_bytes

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]
ReadFile = Callable[[str], bytes]

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"


class OnnxRuntimeEngine:
    """A session per graph of the bundle. `run` may be called from several threads at once."""

    def __init__(
        self,
        manifest: ModelBundle,
        read_file: ReadFile | Path,
        *,
        device: Device = "auto",
        threads: int = 0,
        opened: Mapping[str, Any] | None = None,
    ) -> None:
        """Loads every graph; `read_file` gives a file's bytes by its path in the bundle, or is the bundle's folder.

        `threads` bounds the threads of one graph on the CPU, 0 leaves it to ONNX Runtime. `auto` takes the GPU where
        it truly loads. `opened` has sessions of `open_session` by graph, whose files are not read again.

        Raises FailedPreconditionError where ONNX Runtime or the device is missing, DataLossError for a file that is not
        the one pinned, InvalidArgumentError for a graph that does not load or does not fit.
        """
        if isinstance(read_file, Path):
            folder = read_file
            read_file = lambda path: (folder / path).read_bytes()  # noqa: E731
        self._provider = choose_provider(device)
        self.precision = precision_of(manifest)
        """What the graphs compute in, as their tensors say."""
        self.fallback = ""
        """Why it does not run on the device that was wanted; empty where it does."""
        entries = {file.path: file for file in manifest.files}
        self._sessions: dict[str, Any] = {}
        self._fixed_batches: dict[str, int] = {}
        self._outputs: dict[str, list[str]] = {}
        for graph in manifest.graphs:
            session = (opened or {}).get(graph.name)
            if session is None:
                data = read_file(graph.path)
                check_bytes(entries[graph.path], data)
                session = open_session(data, self._provider, threads, graph.path)
            self._settle_on_provider(session, device)
            check_tensors(graph, session)
            self._sessions[graph.name] = session
            self._fixed_batches[graph.name] = fixed_batch(graph)
            self._outputs[graph.name] = [output.name for output in session.get_outputs()]
        log.info("engine_loaded", extra={"provider": self._provider, "graphs": len(self._sessions)})

    @property
    def name(self) -> str:
        """The execution provider that computes: `CPUExecutionProvider` or `CUDAExecutionProvider`."""
        return self._provider

    def run(self, graph: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `Engine.run`. A graph with a fixed batch is run as often as the rows need."""
        session = self._sessions.get(graph)
        if session is None:
            raise FailedPreconditionError(
                f"the bundle has no graph {graph!r}; it has {sorted(self._sessions)}",
                reason="GRAPH_MISSING",
                graph=graph,
            )
        batch, outputs = self._fixed_batches[graph], self._outputs[graph]
        if batch and len(next(iter(inputs.values()))) != batch:
            return run_in_chunks(lambda chunk: _run(session, graph, outputs, chunk), inputs, batch)
        return _run(session, graph, outputs, inputs)

    def close(self) -> None:
        """Drops the sessions, and with them their memory."""
        self._sessions.clear()

    def _settle_on_provider(self, session: Any, device: Device) -> None:
        actual = session.get_providers()[0]
        if actual == self._provider:
            return
        # A GPU provider that cannot load only logs, and computes on the CPU in silence.
        if device == "cuda" or self._sessions:
            raise FailedPreconditionError(
                f"ONNX Runtime offers {self._provider} but could not load it and fell back to {actual}; check the "
                "driver, CUDA and cuDNN (its log names the library), or ask for device cpu",
                reason="DEVICE_UNAVAILABLE",
                device=device,
                provider=self._provider,
                actual=actual,
            )
        self.fallback = f"ONNX Runtime offers {self._provider} but could not load it; its log names the library"
        log.warning("gpu_not_usable", extra={"provider": self._provider, "actual": actual})
        self._provider = _CPU


def open_session(data: bytes, provider: str, threads: int, path: str) -> Any:
    """An `onnxruntime.InferenceSession` on a graph's bytes; InvalidArgumentError where it does not load."""
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by spinning cost half again the CPU time that they compute.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.use_deterministic_compute = True
    # Weights may name a file to be read; of bytes in memory, relative to the working directory. Below this path there
    # is nothing, so that a graph from outside cannot read what lies on the server.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    providers: list[Any] = [provider]
    if provider == _CUDA:
        # The same algorithm in every process and full float32: results depend neither on the run nor on TF32.
        providers = [(_CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}), _CPU]
    try:
        return ort.InferenceSession(data, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception.
        raise InvalidArgumentError(
            f"ONNX Runtime cannot load {path}: {_first_line(error)}",
            reason="GRAPH_UNREADABLE",
            field="graphs",
            path=path,
        ) from error


def choose_provider(device: Device) -> str:
    """The execution provider to ask for. Raises FailedPreconditionError where ONNX Runtime or the device is missing."""
    available = _onnxruntime().get_available_providers()
    if device == "cuda" and _CUDA not in available:
        raise FailedPreconditionError(
            f"device cuda was asked for, but this ONNX Runtime has no {_CUDA} (it has {', '.join(available)}); "
            "install framecast-services[gpu] in place of [cpu], or ask for device cpu",
            reason="DEVICE_UNAVAILABLE",
            device=device,
            provider=_CUDA,
            available=", ".join(available),
        )
    return _CPU if device == "cpu" or _CUDA not in available else _CUDA


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise FailedPreconditionError(
            "ONNX Runtime is not installed; install framecast-services[cpu] or framecast-services[gpu]",
            reason="ONNXRUNTIME_MISSING",
        ) from error
    return onnxruntime


def _run(session: Any, graph: str, outputs: list[str], inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        values = session.run(outputs, dict(inputs))
    except Exception as error:  # as above
        detail = _first_line(error)
        if "INVALID_ARGUMENT" in detail or isinstance(error, ValueError):
            shapes = {name: list(value.shape) for name, value in inputs.items()}
            raise FailedPreconditionError(
                f"graph {graph!r} does not take inputs {shapes}: {detail}", reason="GRAPH_INPUT_MISMATCH", graph=graph
            ) from error
        raise InternalError(f"graph {graph!r} failed: {detail}", reason="GRAPH_FAILED", graph=graph) from error
    return dict(zip(outputs, values, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
