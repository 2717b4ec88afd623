"""A model that says which pictures it saw, and counts what is in memory because of it."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.sources.source_frame import Image, SourceFrame


class CountingRunner:
    """Its prediction of a picture has the picture's first pixel as its width. `gate` holds every run up while unset."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.prepared = 0
        self.ran = 0
        self.batches: list[int] = []
        self.closed = False

    def prepare(self, images: Sequence[Image]) -> Any:
        self.prepared += len(images)
        return [int(image[0, 0, 0]) for image in images]

    def run(self, prepared: Any, settings: Sequence[Settings]) -> list[Prediction]:
        assert self.gate.wait(30)
        assert len(prepared) == len(settings)
        self.ran += len(prepared)
        self.batches.append(len(prepared))
        return [Prediction(width=value, height=1) for value in prepared]

    def close(self) -> None:
        self.closed = True


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
