"""A model that says which pictures it saw, and counts what is in memory because of it."""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.picture import Image, Picture, rgb_of
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import Batcher, BatchLimits
from framecast_inference.engine_clock import EngineClock
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_meter import ModelMeter
from framecast_inference.model_runner import ModelRunner
from framecast_inference.sources.source_frame import SourceFrame
from framecast_runtime.metrics import Metrics

FloatArray = npt.NDArray[np.float32]


class CountingRunner:
    """Its prediction of a picture has the picture's first pixel as its width, and its settings' maximum as its height.

    Tensors have the pictures' own size. `gate` holds every run up while unset.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.prepared = 0
        self.ran = 0
        self.batches: list[int] = []
        self.closed = False

    def place(self, image: Picture) -> Placement:
        height, width = image.shape[:2]
        return Placement(width, height, width, height, 0, 0, width, height, 1.0, 1.0)

    def fill(self, image: Picture, placement: Placement, out: FloatArray) -> None:
        self.prepared += 1
        out[...] = rgb_of(image).transpose(2, 0, 1)

    def picture(self, tensor: FloatArray) -> Image:
        return np.asarray(tensor[0].transpose(1, 2, 0), np.uint8)

    def infer(
        self, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        assert self.gate.wait(30)
        assert len(tensors) == len(placements) == len(settings)
        self.ran += len(tensors)
        self.batches.append(len(tensors))
        return [
            Prediction(width=int(tensor[0, 0, 0]), height=each.max_detections)
            for tensor, each in zip(tensors, settings, strict=True)
        ]

    def close(self) -> None:
        self.closed = True


class NoGraphs:
    """An engine for a runner that needs none."""

    name = "counting"

    def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
        raise AssertionError("the runner answers by itself")

    def close(self) -> None:
        raise AssertionError("the runner closes what it has")


def loaded(runner: ModelRunner, *, max_batch: int = 8, manifest: ModelBundle | None = None) -> LoadedModel:
    """The runner as a model in memory."""
    return LoadedModel(
        name="projects/p/models/m/versions/1",
        bundle_sha256="0" * 64,
        manifest=manifest or ModelBundle(),
        runner=runner,
        batcher=Batcher(lambda *batch: runner.infer(*batch), BatchLimits(max_batch=max_batch)),
        meter=ModelMeter(Metrics(), "counting", EngineClock()),
        graphs=NoGraphs(),
        engine="counting",
    )


class CountingSource:
    """`count` frames whose first pixel is their index modulo 251; counts those that were asked for."""

    def __init__(self, count: int, *, fail_at: int | None = None) -> None:
        self._count = count
        self._fail_at = fail_at
        self._index = 0
        self.given = 0
        self.closed = threading.Event()

    def __iter__(self) -> "CountingSource":
        return self

    def __next__(self) -> SourceFrame:
        if self._index == self._fail_at:
            raise RuntimeError("the source broke")
        if self._index == self._count:
            raise StopIteration
        frame = SourceFrame(
            index=self._index, image=np.full((2, 2, 3), self._index % 251, np.uint8), pts=self._index * 3
        )
        self._index += 1
        self.given += 1
        return frame

    def close(self) -> None:
        self.closed.set()
