"""Finding graphs and tensors in a manifest."""

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle


def find_graph(manifest: ModelBundle, name: str) -> ModelBundle.Graph:
    """The graph of that name; InvalidArgumentError (`GRAPH_MISSING`) where the manifest has none."""
    for graph in manifest.graphs:
        if graph.name == name:
            return graph
    raise InvalidArgumentError(
        f"the bundle has no graph {name!r}, which its head needs; it has {[graph.name for graph in manifest.graphs]}",
        reason="GRAPH_MISSING",
        field="graphs",
        graph=name,
    )


def fixed_length(axis: str) -> int | None:
    """The length of a tensor's axis as the manifest writes it; None where the axis has a name and may vary."""
    return int(axis) if axis.isascii() and axis.isdigit() else None
