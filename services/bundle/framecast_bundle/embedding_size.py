"""How long a model's embeddings are."""

import math

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.graphs import find_graph

FEATURES = "features"
_HEADS = ("classification", "segmentation", "anchors")


def embedding_size(manifest: ModelBundle) -> int:
    """Numbers in the output `features` of the graph that looks at whole pictures; 0 where there is none."""
    if manifest.WhichOneof("head") not in _HEADS:
        return 0
    for tensor in find_graph(manifest, "network").outputs:
        if tensor.name == FEATURES:
            return math.prod(int(axis) for axis in tensor.shape[1:])
    return 0
