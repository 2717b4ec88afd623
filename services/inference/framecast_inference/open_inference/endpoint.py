"""One side of a model's version, ready to answer requests."""

import os
from dataclasses import dataclass, field
from queue import SimpleQueue

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_inference.open_inference.model_name import model_of, split_version_name
from framecast_inference.open_inference.picture_tensors import IMAGE, PictureTensors, output_specs
from framecast_inference.open_inference.request_tensors import RequestTensors
from framecast_inference.open_inference.statistics import ModelCounters
from framecast_inference.open_inference.tensor_spec import TensorSpec, graph_specs


@dataclass(frozen=True, eq=False, kw_only=True)
class Endpoint:
    """What is known of it without the model in memory; it never changes but for its counters."""

    version_name: str
    """`projects/{project}/models/{model}/versions/{version}`."""
    network: bool
    """The bare graph; else pictures in, predictions out."""
    manifest: ModelBundle
    bundle_sha256: str
    counters: ModelCounters
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    tensors: RequestTensors
    pictures: PictureTensors | None
    """Of the side that takes pictures."""
    model: str = field(init=False)
    """`projects/{project}/models/{model}`."""
    version: str = field(init=False)
    """The version's id."""
    turns: "SimpleQueue[None]" = field(init=False)
    """A graph runs while it holds one of these: more runs at a time than cores would only take memory."""
    graph: str = field(init=False)
    """The name of the first graph, which is the only one of a bare graph."""

    def __post_init__(self) -> None:
        model, version = split_version_name(self.version_name)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "graph", self.manifest.graphs[0].name)
        object.__setattr__(self, "turns", SimpleQueue())
        for _ in range(len(os.sched_getaffinity(0))):
            self.turns.put(None)


def make_endpoint(
    version_name: str, *, network: bool, manifest: ModelBundle, bundle_sha256: str, counters: ModelCounters
) -> Endpoint:
    """Raises FailedPreconditionError for the bare graph of a bundle that has several."""
    if network:
        _check_single_graph(version_name, manifest)
        inputs, outputs = graph_specs(manifest.graphs[0])
    else:
        inputs, outputs = (IMAGE,), output_specs(manifest)
    return Endpoint(
        version_name=version_name,
        network=network,
        manifest=manifest,
        bundle_sha256=bundle_sha256,
        counters=counters,
        inputs=inputs,
        outputs=outputs,
        tensors=RequestTensors(inputs, outputs),
        pictures=None if network else PictureTensors(manifest),
    )


def _check_single_graph(version_name: str, manifest: ModelBundle) -> None:
    if len(manifest.graphs) != 1:
        model, _ = split_version_name(version_name)
        graphs = ", ".join(graph.name for graph in manifest.graphs)
        raise FailedPreconditionError(
            f"{model_of(model, network=True)} has {len(manifest.graphs)} graphs ({graphs}), whose tensors mean "
            f"something only to each other; ask {model}, which takes pictures",
            reason="MODEL_HAS_SEVERAL_GRAPHS",
            model=model,
            graphs=graphs,
        )
