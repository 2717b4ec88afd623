"""What runs a bundle's graphs: the port that heads call, and the one place that reads its answers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from framecast.errors import FailedPreconditionError

FloatArray = npt.NDArray[np.float32]


class Engine(Protocol):
    """Runs the graphs of one bundle. Calls may come from several threads at once."""

    @property
    def name(self) -> str:
        """What computes, for reports and logs, such as `CPUExecutionProvider`."""

    def run(self, graph: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the graph of that name on named, C-contiguous arrays; returns all of its outputs by name.

        Rows of one call do not influence each other. Raises FailedPreconditionError for an unknown graph or inputs
        that do not fit, and what the engine's own failure maps to.
        """

    def close(self) -> None:
        """Frees the memory and the device; the engine cannot be used afterwards."""


def run_graph(engine: Engine, graph: str, inputs: Mapping[str, np.ndarray], names: Sequence[str]) -> list[FloatArray]:
    """Runs a graph and returns the named outputs in order, float32 and C-contiguous as the kernels demand.

    Raises FailedPreconditionError (`GRAPH_OUTPUT_MISSING`) where the graph has no such output.
    """
    outputs = engine.run(graph, inputs)
    missing = [name for name in names if name not in outputs]
    if missing:
        raise FailedPreconditionError(
            f"graph {graph!r} has no output {missing[0]!r}, it gives {sorted(outputs)}; export the model again",
            reason="GRAPH_OUTPUT_MISSING",
            graph=graph,
            output=missing[0],
        )
    return [np.ascontiguousarray(outputs[name], dtype=np.float32) for name in names]


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
