"""Inputs and outputs of an ONNX graph, as ONNX Runtime reports them and as a manifest describes them."""

from typing import Any, NoReturn

import numpy as np

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.graphs import fixed_length

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(bool)": "bool",
}


def numpy_type(kind: str) -> "np.dtype[Any]":
    """Of ONNX Runtime's name of a tensor's type, such as `tensor(float)`."""
    return np.dtype(_DTYPES[kind])


def describe_tensors(tensors: list[Any]) -> list[ModelBundle.Tensor]:
    """Describes `session.get_inputs()` or `.get_outputs()`; an axis without a name is called after its position."""
    return [
        ModelBundle.Tensor(
            name=tensor.name,
            dtype=_DTYPES.get(tensor.type, tensor.type),
            shape=[_axis(length, position) for position, length in enumerate(tensor.shape or [])],
        )
        for tensor in tensors
    ]


def check_tensors(graph: ModelBundle.Graph, session: Any) -> None:
    """Raises InvalidArgumentError (`GRAPH_MISMATCH`) unless a loaded graph is what the manifest says it is.

    Names and dtypes must agree, and lengths where both fix them; an input that the manifest lets vary must vary.
    """
    _check_side(graph, "inputs", list(graph.inputs), describe_tensors(session.get_inputs()))
    _check_side(graph, "outputs", list(graph.outputs), describe_tensors(session.get_outputs()))


def fixed_batch(graph: ModelBundle.Graph) -> int:
    """The number of rows that a graph takes at once; 0 where it takes any."""
    lengths = {fixed_length(tensor.shape[0]) if tensor.shape else None for tensor in (*graph.inputs, *graph.outputs)}
    length = lengths.pop() if len(lengths) == 1 else None
    return length or 0


def precision_of(manifest: ModelBundle) -> str:
    """`float32`, `float16`, …, as the graphs' inputs and outputs say; `mixed` where they differ."""
    found = {
        tensor.dtype
        for graph in manifest.graphs
        for tensor in (*graph.inputs, *graph.outputs)
        if tensor.dtype.startswith("float")
    }
    return found.pop() if len(found) == 1 else "mixed" if found else "float32"


def _axis(length: object, position: int) -> str:
    if isinstance(length, int) and length >= 0:
        return str(length)
    # A name of digits alone would read as a length.
    return length if isinstance(length, str) and length and fixed_length(length) is None else f"axis_{position}"


def _check_side(
    graph: ModelBundle.Graph, side: str, told: list[ModelBundle.Tensor], found: list[ModelBundle.Tensor]
) -> None:
    by_name = {tensor.name: tensor for tensor in found}
    if {tensor.name for tensor in told} != set(by_name):
        _refuse(graph, side, f"has {side} {sorted(by_name)}, the manifest says {sorted(each.name for each in told)}")
    for tensor in told:
        actual = by_name[tensor.name]
        if tensor.dtype != actual.dtype:
            _refuse(graph, side, f"has {tensor.name!r} as {actual.dtype}, the manifest says {tensor.dtype}")
        # Shape inference may know less than the exporter did, down to the rank.
        if not actual.shape:
            continue
        wanted, lengths = list(map(fixed_length, tensor.shape)), list(map(fixed_length, actual.shape))
        agrees = len(wanted) == len(lengths) and all(
            length is None or length == want or (want is None and side == "outputs")
            for want, length in zip(wanted, lengths, strict=True)
        )
        if not agrees:
            shapes = f"{list(actual.shape)}, the manifest says {list(tensor.shape)}"
            _refuse(graph, side, f"has {tensor.name!r} of shape {shapes}")


def _refuse(graph: ModelBundle.Graph, side: str, difference: str) -> NoReturn:
    raise InvalidArgumentError(
        f"graph {graph.name!r} ({graph.path}) {difference}; the file and the manifest do not belong together",
        reason="GRAPH_MISMATCH",
        field=f"graphs.{side}",
        graph=graph.name,
        path=graph.path,
    )
