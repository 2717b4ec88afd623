"""What a network computes in."""

from typing import Literal, NoReturn

from framecast.errors import FailedPreconditionError, UnimplementedError

Precision = Literal["auto", "float32", "float16", "int8"]
"""`auto`: what the bundle's graphs are in."""
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "float16", "int8")

CALIBRATION_SUFFIX = ".calibration"
"""Beside a graph, `network.onnx.calibration` is TensorRT's calibration cache for it."""


def refuse_conversion(wanted: Precision, engine: str) -> NoReturn:
    """Of an engine that computes in what the graphs are in."""
    raise UnimplementedError(
        f"precision {wanted} is not supported by {engine}, which computes in what the graphs are in; export the model "
        "in it, use device tensorrt, or leave FRAMECAST_PRECISION at auto",
        reason="PRECISION_UNSUPPORTED",
        precision=wanted,
        engine=engine,
    )


def refuse_uncalibrated(path: str) -> NoReturn:
    """Of a graph that was to run in int8, and has no calibration."""
    raise FailedPreconditionError(
        f"precision int8 needs {path}{CALIBRATION_SUFFIX} in the bundle, TensorRT's calibration cache for {path}; add "
        "it, or use float16",
        reason="CALIBRATION_MISSING",
        path=f"{path}{CALIBRATION_SUFFIX}",
    )
