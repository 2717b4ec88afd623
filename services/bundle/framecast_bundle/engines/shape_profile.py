"""The shapes that a graph's inputs will have: what TensorRT must know before it compiles."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from framecast.errors import UnimplementedError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.graphs import fixed_length

MAX_REGIONS = 1000
"""Of one picture and level, that a network cut into stages looks at in one run."""
_USUAL_REGIONS = 100
Shape = tuple[int, ...]
Range = tuple[int, int, int]
"""Least, usual, most."""


@dataclass(frozen=True)
class ShapeProfile:
    """Of one input."""

    least: Shape
    usual: Shape
    most: Shape


def shape_profiles(manifest: ModelBundle, graph: ModelBundle.Graph, *, max_batch: int) -> Mapping[str, ShapeProfile]:
    """Of every input of a graph, for batches of 1 to `max_batch` pictures. UnimplementedError for what is not known."""
    return {tensor.name: _profile(manifest, graph, tensor, max_batch) for tensor in graph.inputs}


def _profile(
    manifest: ModelBundle, graph: ModelBundle.Graph, tensor: ModelBundle.Tensor, max_batch: int
) -> ShapeProfile:
    lengths = [fixed_length(axis) for axis in tensor.shape]
    ranges: list[Range]
    if len(lengths) == 4 and graph.name != manifest.graphs[0].name:  # features_i of one picture
        level = int(tensor.name.rpartition("_")[2])
        stride = 1 << (manifest.rcnn.finest_level + level)
        ranges = [(1, 1, 1), (0, 0, 0), *(_shrunk(side, stride) for side in _sides(manifest.input))]
    elif len(lengths) == 4:
        ranges = [(1, max_batch, max_batch), (3, 3, 3), *_sides(manifest.input)]
    elif len(lengths) == 2 and lengths[1] == 5:
        ranges = [(0, _USUAL_REGIONS, MAX_REGIONS), (5, 5, 5)]
    else:
        raise UnimplementedError(
            f"input {tensor.name!r} of graph {graph.name!r}, {list(tensor.shape)}, is not supported by TensorRT here: "
            "its lengths are not known beforehand; use device cuda",
            reason="INPUT_SHAPE_UNKNOWN",
            graph=graph.name,
            input=tensor.name,
        )
    shapes = zip(
        *((length,) * 3 if length is not None else span for length, span in zip(lengths, ranges, strict=True)),
        strict=True,
    )
    least, usual, most = shapes
    return ShapeProfile(least, usual, most)


def _sides(rule: ModelBundle.Input) -> tuple[Range, Range]:
    """Height and width of input tensors."""
    if rule.resize != ModelBundle.Input.SHORTEST_SIDE:
        return (rule.height,) * 3, (rule.width,) * 3
    shorter, longer = (math.ceil(side / rule.stride) * rule.stride for side in (rule.height, rule.width))
    return (rule.stride, shorter, longer), (rule.stride, longer, longer)


def _shrunk(side: Range, stride: int) -> Range:
    least, usual, most = (math.ceil(length / stride) for length in side)
    return least, usual, most
