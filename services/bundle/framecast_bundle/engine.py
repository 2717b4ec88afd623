"""What runs a bundle's graphs: the port that heads call, and the one place that reads its answers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from framecast.errors import FailedPreconditionError
from framecast_bundle.device_tensor import DeviceTensor

FloatArray = npt.NDArray[np.float32]
Tensor = npt.NDArray[Any] | DeviceTensor


class Engine(Protocol):
    """Runs the graphs of one bundle. Calls may come from several threads at once."""

    @property
    def name(self) -> str:
        """What computes, for reports and logs, such as `CPUExecutionProvider`."""

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        """Runs the graph of that name on named, C-contiguous arrays; returns all of its outputs by name, as arrays.

        Outputs in `keep` may stay where the engine computes: they are arrays or `DeviceTensor`s, to be given to `run`
        of the same engine again, whole or by rows.

        Rows of one call do not influence each other. Raises FailedPreconditionError for an unknown graph or inputs
        that do not fit, and what the engine's own failure maps to.
        """

    def close(self) -> None:
        """Frees the memory and the device; the engine cannot be used afterwards."""


class ServingEngine(Engine, Protocol):
    """An engine that says how it runs."""

    @property
    def precision(self) -> str:
        """What it computes in: `float32`, `float16`, `int8`, or `mixed` where the graphs differ."""

    @property
    def fallback(self) -> str:
        """Why it does not run on the device that was wanted; empty where it does."""

    def host_buffer(self, shape: tuple[int, ...]) -> FloatArray:
        """Memory, its values undefined, from which inputs reach the device fastest."""

    def device_bytes(self) -> int:
        """Of the device's memory, what is in use by anyone; 0 where it computes in the host's."""


def run_graph(engine: Engine, graph: str, inputs: Mapping[str, Tensor], names: Sequence[str]) -> list[FloatArray]:
    """Runs a graph and returns the named outputs in order, float32 and C-contiguous as the kernels demand.

    Raises FailedPreconditionError (`GRAPH_OUTPUT_MISSING`) where the graph has no such output.
    """
    return run_graph_keeping(engine, graph, inputs, names, keep=())[0]


def run_graph_keeping(
    engine: Engine, graph: str, inputs: Mapping[str, Tensor], names: Sequence[str], *, keep: Sequence[str]
) -> tuple[list[FloatArray], list[Tensor]]:
    """The same, and the outputs `keep` in order, for other graphs of the engine: they need not leave the device."""
    outputs = engine.run(graph, inputs, keep=keep)
    missing = [name for name in (*names, *keep) if name not in outputs]
    if missing:
        raise FailedPreconditionError(
            f"graph {graph!r} has no output {missing[0]!r}, it gives {sorted(outputs)}; export the model again",
            reason="GRAPH_OUTPUT_MISSING",
            graph=graph,
            output=missing[0],
        )
    arrays = [np.ascontiguousarray(outputs[name], dtype=np.float32) for name in names]
    return arrays, [outputs[name] for name in keep]


def refuse_shape(graph: str, output: str, shape: tuple[int, ...], expected: str) -> FailedPreconditionError:
    """The error for an output whose shape contradicts the manifest (`GRAPH_OUTPUT_SHAPE`)."""
    return FailedPreconditionError(
        f"output {output!r} of graph {graph!r} has shape {list(shape)}, expected {expected}; "
        "graph and manifest do not belong together",
        reason="GRAPH_OUTPUT_SHAPE",
        graph=graph,
        output=output,
        shape=list(shape),
        expected=expected,
    )
