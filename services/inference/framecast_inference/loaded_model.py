"""A model version in memory."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.embedding_size import embedding_size
from framecast_bundle.engine import Engine
from framecast_inference import process_memory
from framecast_inference.batching.batcher import Batcher
from framecast_inference.model_meter import ModelMeter
from framecast_inference.model_runner import ModelRunner


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadedModel:
    """Everything that a request needs of a model version; it never changes."""

    name: str
    """`projects/{project}/models/{model}/versions/{version}`."""
    bundle_sha256: str
    """Digest of the manifest, which pins every other byte of the model."""
    manifest: ModelBundle
    runner: ModelRunner
    batcher: Batcher
    """Through which everybody's pictures reach the runner."""
    meter: ModelMeter
    """What is measured of it."""
    graphs: Engine
    """The same engine that the runner has, for callers who bring tensors of their own; the runner closes it."""
    engine: str
    """What computes, such as `CPUExecutionProvider`."""
    precision: str = "float32"
    """What the network computes in; `mixed` where its graphs differ."""
    fallback: str = ""
    """Why it does not run on the device that was wanted; empty where it does."""
    memory_bytes: int = 0
    """What it took of the host's and the device's memory, every batch size warmed up."""

    @cached_property
    def categories(self) -> framecast_core.CategoryTable:
        """Ids and names of the manifest's categories, as results are written with them."""
        return framecast_core.CategoryTable(
            np.array([category.id for category in self.manifest.categories], dtype=np.int32),
            [category.name for category in self.manifest.categories],
        )

    @cached_property
    def embedding_size(self) -> int:
        """Length of an embedding; 0 where the model gives none."""
        return embedding_size(self.manifest)

    @property
    def max_batch(self) -> int:
        """Pictures that one run holds."""
        return self.batcher.limits.max_batch

    def close(self) -> None:
        """Frees the memory and the device."""
        self.runner.close()
        self.meter.close()
        self.batcher.close()
        process_memory.give_back()
