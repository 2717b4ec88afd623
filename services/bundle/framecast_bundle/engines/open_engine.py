"""From the device that an operator asks for to what runs a bundle's graphs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import ServingEngine
from framecast_bundle.engines.onnx_session import Device
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.engines.precision import Precision
from framecast_bundle.engines.tensorrt_engine import TensorRtEngine


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """The same for all models of a service."""

    device: Device = "auto"
    threads: int = 0
    """That one graph may take on the CPU; 0 leaves it to ONNX Runtime."""
    precision: Precision = "auto"
    max_batch: int = 8
    """Pictures that a compiled network takes at once."""
    plan_folder: Path | None = None
    """Where compiled networks are kept; left open, among the user's caches."""


def open_engine(manifest: ModelBundle, read_file: Callable[[str], bytes], options: EngineOptions) -> ServingEngine:
    """Loads every graph; raises as `OnnxRuntimeEngine` and `TensorRtEngine`."""
    if options.device == "tensorrt-native":
        return TensorRtEngine(
            manifest,
            read_file,
            precision=options.precision,
            max_batch=options.max_batch,
            plan_folder=options.plan_folder,
        )
    return OnnxRuntimeEngine(
        manifest,
        read_file,
        device=options.device,
        threads=options.threads,
        precision=options.precision,
        max_batch=options.max_batch,
        plan_folder=options.plan_folder,
    )
