"""Compiling an ONNX graph by TensorRT. Its module is given, so that importing this file does not need it."""

from collections.abc import Mapping
from typing import Any

from framecast.errors import FailedPreconditionError, InternalError, InvalidArgumentError, UnimplementedError
from framecast_bundle.engines.precision import Precision
from framecast_bundle.engines.shape_profile import ShapeProfile

_FLAGS = {"float16": ("FP16",), "int8": ("FP16", "INT8")}
"""What TensorRT may choose beside float32."""


def import_tensorrt() -> Any:
    """The module; FailedPreconditionError (`TENSORRT_MISSING`) where it is not installed."""
    try:
        import tensorrt
    except ImportError as error:
        raise FailedPreconditionError(
            "TensorRT is not installed; install framecast-services[tensorrt], or ask for device cuda",
            reason="TENSORRT_MISSING",
            package="tensorrt",
        ) from error
    return tensorrt


def build_plan(
    trt: Any,
    graph: bytes,
    path: str,
    profiles: Mapping[str, ShapeProfile],
    *,
    precision: Precision,
    calibration: bytes = b"",
) -> bytes:
    """A plan for the GPU of this machine.

    With precision `auto` each tensor is computed in its own type; with `float32` without TF32. Raises
    InvalidArgumentError for a graph that TensorRT cannot read, InternalError for one that it cannot build, and
    UnimplementedError for a precision that this TensorRT does not convert to.
    """
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(strongly_typed if precision == "auto" else 0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph):
        why = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise InvalidArgumentError(
            f"TensorRT cannot read {path}: {why[:300]}", reason="GRAPH_UNREADABLE", field="graphs", path=path
        )
    config = builder.create_builder_config()
    if precision != "auto":
        config.clear_flag(trt.BuilderFlag.TF32)
    for name in _FLAGS.get(precision, ()):
        flag = getattr(trt.BuilderFlag, name, None)
        if flag is None:
            raise UnimplementedError(
                f"precision {precision} is not supported by TensorRT {trt.__version__}, which computes in what the "
                "graph is in; export the model in it and leave FRAMECAST_PRECISION at auto, or use TensorRT 10",
                reason="PRECISION_UNSUPPORTED",
                precision=precision,
                engine=f"TensorRT {trt.__version__}",
            )
        config.set_flag(flag)
    if precision == "int8":
        config.int8_calibrator = _calibrator(trt, calibration)
    profile = builder.create_optimization_profile()
    for name, shapes in profiles.items():
        profile.set_shape(name, shapes.least, shapes.usual, shapes.most)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise InternalError(
            f"TensorRT cannot build {path}; its messages in the log say why", reason="PLAN_NOT_BUILT", path=path
        )
    return bytes(plan)


def _calibrator(trt: Any, cache: bytes) -> Any:
    """Knows the ranges already: TensorRT asks it for no pictures."""

    class StoredCalibration(trt.IInt8EntropyCalibrator2):  # type: ignore[misc]  # a class of a module that is given
        def __init__(self) -> None:
            trt.IInt8EntropyCalibrator2.__init__(self)

        def get_batch_size(self) -> int:
            return 1

        def get_batch(self, names: list[str]) -> None:
            return None

        def read_calibration_cache(self) -> bytes:
            return cache

        def write_calibration_cache(self, cache: bytes) -> None:
            pass

    return StoredCalibration()
