"""From decoded pictures to predictions: the one path that serving and evaluation share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import Engine
from framecast_bundle.heads import Head, make_head
from framecast_bundle.input_tensor import InputTensor
from framecast_bundle.picture import Image, Picture
from framecast_bundle.placement import Placement, place
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_bundle.view_merge import merge_views
from framecast_bundle.views import view_settings, views_of


@dataclass(frozen=True, eq=False)
class PreparedBatch:
    """Pictures of one call whose tensors have the same size, ready for the network."""

    positions: tuple[int, ...]
    """Of each picture in its call."""
    tensors: npt.NDArray[np.float32]
    """[B, 3, height, width], normalised."""
    placements: tuple[Placement, ...]
    """[B] where each picture lies in its tensor."""


class Predictor:
    """Prepares pictures, runs a bundle's graphs and decodes the answer. Calls may come from several threads at once.

    A picture's prediction depends on its pixels and its settings alone, never on its neighbours in a call.
    """

    def __init__(self, manifest: ModelBundle, engine: Engine, *, max_batch: int = 8) -> None:
        """Takes ownership of the engine; `max_batch` bounds the pictures that one run of a graph holds."""
        if max_batch < 1:
            raise InvalidArgumentError(
                f"max_batch is {max_batch}; it must be at least 1", field="max_batch", value=max_batch
            )
        self.manifest = manifest
        self.engine = engine
        self.max_batch = max_batch
        self._input = InputTensor(manifest.input)
        self._head: Head = make_head(manifest)

    def predict(self, images: Sequence[Image], settings: Sequence[Settings]) -> list[Prediction]:
        """Predicts RGB pictures uint8 [H, W, 3] of any sizes, each with settings of its own; in the order given.

        Raises InvalidArgumentError for an empty picture, another shape or dtype, or lengths that differ.
        """
        if len(images) != len(settings) or not any(each.augment or each.window_width for each in settings):
            return self.run(self.prepare(images), settings)
        return [self._merged(image, each) for image, each in zip(images, settings, strict=True)]

    def place(self, image: Picture) -> Placement:
        """Where a picture goes in its tensor, and so the tensor's size."""
        _check_image(0, image)
        return place(self.manifest.input, width=image.shape[1], height=image.shape[0])

    def fill(self, image: Picture, placement: Placement, out: npt.NDArray[np.float32]) -> None:
        """Writes a picture's tensor, every value of `out` [1, 3, height, width], as `placement` says."""
        self._input.fill_into([image], [placement], out)

    def picture(self, tensor: npt.NDArray[np.float32]) -> Image:
        """What a tensor [1, 3, height, width] that `fill` wrote shows: RGB uint8 [height, width, 3]."""
        return self._input.to_picture(tensor[0])

    def infer(
        self, tensors: npt.NDArray[np.float32], placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """Predictions of tensors [B, 3, height, width] that `fill` wrote, B at most `max_batch`."""
        return self._head.predict(self.engine, tensors, placements, settings)

    def prepare(self, images: Sequence[Image]) -> list[PreparedBatch]:
        """The first half of `predict`: resizes and normalises. Needs no engine, so another thread may do it."""
        placements: list[Placement] = []
        by_size: dict[tuple[int, int], list[int]] = {}
        for position, image in enumerate(images):
            _check_image(position, image)
            placement = place(self.manifest.input, width=image.shape[1], height=image.shape[0])
            placements.append(placement)
            by_size.setdefault((placement.tensor_height, placement.tensor_width), []).append(position)
        batches = []
        for positions in by_size.values():
            for start in range(0, len(positions), self.max_batch):
                chosen = positions[start : start + self.max_batch]
                chosen_placements = [placements[position] for position in chosen]
                tensors = self._input.fill([images[position] for position in chosen], chosen_placements)
                batches.append(PreparedBatch(tuple(chosen), tensors, tuple(chosen_placements)))
        return batches

    def run(self, prepared: Sequence[PreparedBatch], settings: Sequence[Settings]) -> list[Prediction]:
        """The second half of `predict`: `settings[i]` belongs to picture i of the call that was prepared."""
        total = sum(len(batch.positions) for batch in prepared)
        if total != len(settings):
            raise InvalidArgumentError(
                f"{total} pictures but {len(settings)} settings", field="settings", images=total, settings=len(settings)
            )
        results: dict[int, Prediction] = {}
        for batch in prepared:
            chosen = [settings[position] for position in batch.positions]
            answers = self._head.predict(self.engine, batch.tensors, batch.placements, chosen)
            results.update(zip(batch.positions, answers, strict=True))
        return [results[position] for position in range(total)]

    def _merged(self, image: Image, settings: Settings) -> Prediction:
        _check_image(0, image)
        views = views_of(image.shape[1], image.shape[0], settings, self.manifest)
        asked = [view_settings(settings, views)]
        seen = []
        for view in views:
            picture = view.picture_of(image)
            placement = view.shrink(self.place(picture), self.manifest.input)
            tensor = self._input.fill([picture], [placement])
            seen += self.infer(tensor, [placement], asked)
        return merge_views(seen, views, settings, self.manifest)

    def close(self) -> None:
        """Closes the engine."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_image(position: int, image: Picture) -> None:
    if not isinstance(image, np.ndarray):
        return  # a frame that a decoder gave
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidArgumentError(
            f"picture {position} is {image.dtype} {list(image.shape)}; expected uint8 [height, width, 3] in RGB",
            reason="IMAGE_SHAPE",
            field=f"images[{position}]",
            shape=list(image.shape),
            dtype=image.dtype,
        )
