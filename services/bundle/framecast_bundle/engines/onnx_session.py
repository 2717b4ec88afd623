"""Opening graphs by ONNX Runtime on a device, and knowing whether it really is the device."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast_bundle.engines.shape_profile import ShapeProfile

Device = Literal["auto", "cpu", "cuda", "tensorrt", "tensorrt-native"]
"""`auto`: the GPU by CUDA where it truly loads, else the CPU. `tensorrt` is ONNX Runtime's provider of it."""
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda", "tensorrt", "tensorrt-native")

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
_PROVIDERS = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
# The same algorithm in every process and full float32: results depend neither on the run nor on TF32.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


def choose_provider(device: Device) -> str:
    """The execution provider to ask for. Raises FailedPreconditionError where ONNX Runtime or the device is missing."""
    available = onnxruntime().get_available_providers()
    if device == "auto":
        return CUDA if CUDA in available else CPU
    provider = _PROVIDERS[device]
    if provider not in available:
        raise FailedPreconditionError(
            f"device {device} was asked for, but this ONNX Runtime has no {provider} (it has {', '.join(available)}); "
            "install framecast-services[gpu] in place of [cpu], or ask for device cpu",
            reason="DEVICE_UNAVAILABLE",
            device=device,
            provider=provider,
            available=", ".join(available),
        )
    return provider


def tensorrt_options(
    profiles: Mapping[str, ShapeProfile], *, cache: Path, precision: str, calibration: str = ""
) -> dict[str, str]:
    """Options of ONNX Runtime's TensorRT provider: the shapes to compile for, once, and where to keep the result.

    `calibration` is the name of a calibration cache in the folder `cache`.
    """
    options = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(cache),
        "trt_fp16_enable": "1" if precision in ("float16", "int8") else "0",
        "trt_int8_enable": "1" if precision == "int8" else "0",
        "trt_profile_min_shapes": _shapes({name: profile.least for name, profile in profiles.items()}),
        "trt_profile_opt_shapes": _shapes({name: profile.usual for name, profile in profiles.items()}),
        "trt_profile_max_shapes": _shapes({name: profile.most for name, profile in profiles.items()}),
    }
    if calibration:
        options |= {"trt_int8_calibration_table_name": calibration, "trt_int8_use_native_calibration_table": "1"}
    return options


def open_session(
    data: bytes, provider: str, threads: int, path: str, *, tensorrt: Mapping[str, str] | None = None
) -> Any:
    """An `onnxruntime.InferenceSession` on a graph's bytes; InvalidArgumentError where it does not load."""
    ort = onnxruntime()
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
    if provider in (CUDA, TENSORRT):
        providers = [(CUDA, _CUDA_OPTIONS), CPU]
    if provider == TENSORRT:
        providers.insert(0, (TENSORRT, dict(tensorrt or {})))
    try:
        return ort.InferenceSession(data, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception.
        raise InvalidArgumentError(
            f"ONNX Runtime cannot load {path}: {first_line(error)}",
            reason="GRAPH_UNREADABLE",
            field="graphs",
            path=path,
        ) from error


def onnxruntime() -> Any:
    """The module; FailedPreconditionError where it is not installed."""
    try:
        import onnxruntime as module
    except ImportError as error:
        raise FailedPreconditionError(
            "ONNX Runtime is not installed; install framecast-services[cpu] or framecast-services[gpu]",
            reason="ONNXRUNTIME_MISSING",
        ) from error
    return module


def first_line(error: Exception) -> str:
    """Of what a runtime says of a failure."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ",".join(f"{name}:{'x'.join(map(str, shape))}" for name, shape in shapes.items())
