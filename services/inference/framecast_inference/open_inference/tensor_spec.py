"""What a model takes and gives: name, datatype and shape of each tensor."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.graphs import fixed_length
from framecast_inference.open_inference.datatypes import OF_MANIFEST, Datatype

ANY = -1
"""The length of an axis that may have any."""


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """An input or output."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    """Whole; `ANY` where a length may vary."""
    axes: tuple[str, ...] = ()
    """Names of the axes, in the manifest's words; those of one name have one length within a request.
    Empty where they have none."""

    def element_count(self, shape: tuple[int, ...]) -> int:
        """How many elements a tensor of this shape has; InvalidArgumentError unless the shape fits."""
        self._check(shape)
        return prod(shape)

    def _check(self, shape: tuple[int, ...]) -> None:
        fits = len(shape) == len(self.shape) and all(
            length >= 1 and wanted in (ANY, length) for length, wanted in zip(shape, self.shape, strict=True)
        )
        if not fits:
            raise InvalidArgumentError(
                f"input {self.name!r} has shape {list(shape)}, expected {list(self.shape)}, "
                f"where {ANY} is any length from 1",
                reason="TENSOR_SHAPE_MISMATCH",
                field=f"inputs.{self.name}.shape",
                tensor=self.name,
                actual=list(shape),
                expected=list(self.shape),
            )


def graph_specs(graph: ModelBundle.Graph) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs of a bundle's graph; FailedPreconditionError for a datatype that cannot travel."""
    return _specs(graph, graph.inputs), _specs(graph, graph.outputs)


def _specs(graph: ModelBundle.Graph, tensors: Sequence[ModelBundle.Tensor]) -> tuple[TensorSpec, ...]:
    specs = []
    for tensor in tensors:
        datatype = OF_MANIFEST.get(tensor.dtype.removeprefix("tensor(").removesuffix(")"))
        if datatype is None:
            raise FailedPreconditionError(
                f"tensor {tensor.name!r} of graph {graph.name!r} is {tensor.dtype}, which cannot be sent; "
                "ask the model by pictures instead",
                reason="TENSOR_TYPE_UNSUPPORTED",
                tensor=tensor.name,
                dtype=tensor.dtype,
            )
        lengths = [fixed_length(axis) for axis in tensor.shape]
        shape = tuple(ANY if length is None else length for length in lengths)
        specs.append(TensorSpec(tensor.name, datatype, shape, tuple(tensor.shape)))
    return tuple(specs)
