"""Batches of augmented pictures in a random order that follows from the seed alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from framecast_trainer.learning import augment
from framecast_trainer.learning.augment import AugmentRule, Piece
from framecast_trainer.learning.input_rule import Input, normalise, padding
from framecast_trainer.learning.prepared_set import Prepared, PreparedSet

ORDER, VIEWS = 0, 1
"""What random numbers are for."""
_SMALLEST_SIDE = 2.0
_SMALLEST_SHARE = 0.15
"""Instances of which less remains visible are dropped."""


@dataclass
class Batch:
    """What a step learns from; boxes are xyxy in tensor pixels."""

    images: Tensor
    """float32 [B, 3, H, W], normalised and padded."""
    boxes: list[Tensor]
    classes: list[Tensor]
    masks: list[Tensor] | None
    """uint8 [N, S, S] each, in the frame of `mask_boxes`."""
    mask_boxes: list[Tensor]
    labels: Tensor
    """int64 [B]: class of the whole picture, -1 where it has none."""

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self

        def move(tensors: list[Tensor]) -> list[Tensor]:
            return [tensor.to(device) for tensor in tensors]

        return Batch(
            self.images.to(device),
            move(self.boxes),
            move(self.classes),
            None if self.masks is None else move(self.masks),
            move(self.mask_boxes),
            self.labels.to(device),
        )


class Batches:
    """Every epoch visits each picture at least once; the last batch is filled from the epoch's beginning."""

    def __init__(self, pictures: PreparedSet, rule: Input, views: AugmentRule, batch_size: int, seed: int) -> None:
        self._pictures = pictures
        self._rule = rule
        self._views = views
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return math.ceil(len(self._pictures) / self._batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        order = stream(self._seed, ORDER, epoch).permutation(len(self._pictures))
        order = np.resize(order, len(self) * self._batch_size)
        for step in range(len(self)):
            chosen = order[step * self._batch_size : (step + 1) * self._batch_size]
            rng = stream(self._seed, VIEWS, epoch, step)
            yield self.compose([int(i) for i in chosen], rng)

    def compose(self, chosen: list[int], rng: np.random.Generator) -> Batch:
        pictures = {i: self._pictures[i] for i in chosen}
        canvas = (
            max(p.placement.tensor_width for p in pictures.values()),
            max(p.placement.tensor_height for p in pictures.values()),
        )
        views = [self._view(i, pictures, canvas, rng) for i in chosen]
        shape = (len(chosen), 3, canvas[1], canvas[0])
        images = torch.empty(shape, memory_format=torch.channels_last)
        outside = torch.tensor(padding(self._rule))
        found = []
        for image, pieces in zip(images, views, strict=True):
            image.copy_(outside[:, None, None].expand_as(image))
            for piece in pieces:
                paint(image, pictures[piece.source].image, piece, outside)
            found.append(_join([place(pictures[piece.source], piece) for piece in pieces]))
        images = normalise(images, self._rule)
        return Batch(
            images=images,
            boxes=[f.boxes for f in found],
            classes=[f.classes for f in found],
            masks=[f.masks for f in found if f.masks is not None] if found[0].masks is not None else None,
            mask_boxes=[f.mask_boxes for f in found],
            labels=torch.tensor([pictures[i].label for i in chosen]),
        )

    def _view(
        self, index: int, pictures: dict[int, Prepared], canvas: tuple[int, int], rng: np.random.Generator
    ) -> list[Piece]:
        placement = pictures[index].placement
        if self._views.is_identity:
            return augment.plain(index, placement, canvas)
        if rng.random() < self._views.mosaic:
            others = [int(i) for i in rng.integers(len(self._pictures), size=3)]
            for other in others:
                pictures.setdefault(other, self._pictures[other])
            sources = [index, *others]
            return augment.mosaic(self._views, rng, sources, [pictures[i].placement for i in sources], canvas)
        return augment.single(self._views, rng, index, placement, canvas)


def stream(seed: int, purpose: int, *position: int) -> np.random.Generator:
    """Random numbers that no other seed, purpose or position has.

    A plain tuple is not enough: NumPy takes (seed, epoch, 0) for (seed, epoch).
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *position)))


@dataclass
class Instances:
    """What of a picture's instances shows on the canvas."""

    boxes: Tensor
    classes: Tensor
    masks: Tensor | None
    mask_boxes: Tensor


def paint(canvas: Tensor, image: Tensor, piece: Piece, outside: Tensor) -> None:
    """Draws uint8 [3, h, w] into a region of the float canvas [3, H, W] in [0, 1]; outside the picture is `outside`."""
    x0, y0, x1, y1 = piece.region
    if x1 <= x0 or y1 <= y0:
        return
    pixels = image.flip(2) if piece.flip else image
    source = pixels.float().div_(255)
    if piece.color is not None:
        source = (piece.color @ source.flatten(1)).clamp_(0, 1).view_as(source)
    height, width = image.shape[1:]
    if piece.scale == 1.0 and piece.left == int(piece.left) and piece.top == int(piece.top):
        left, top = int(piece.left), int(piece.top)
        a0, b0, a1, b1 = max(x0, left), max(y0, top), min(x1, left + width), min(y1, top + height)
        if a1 > a0 and b1 > b0:
            canvas[:, b0:b1, a0:a1] = source[:, b0 - top : b1 - top, a0 - left : a1 - left]
        return
    u = ((torch.arange(x0, x1) + 0.5 - piece.left) / (piece.scale * width)) * 2 - 1
    v = ((torch.arange(y0, y1) + 0.5 - piece.top) / (piece.scale * height)) * 2 - 1
    grid = torch.stack((u.expand(len(v), -1), v[:, None].expand(-1, len(u))), dim=-1)
    shade = outside[:, None, None]
    # Sampling outside gives zero, so that shifting by the padding makes it the outside.
    canvas[:, y0:y1, x0:x1] = functional.grid_sample((source - shade)[None], grid[None], align_corners=False)[0] + shade


def place(picture: Prepared, piece: Piece) -> Instances:
    """A picture's instances on the canvas: mirrored, scaled, shifted, clipped to the region."""

    def move(boxes: Tensor) -> Tensor:
        if piece.flip:
            width = picture.image.shape[2]
            boxes = torch.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), dim=1)
        return boxes * piece.scale + torch.tensor([piece.left, piece.top] * 2)

    moved = move(picture.boxes)
    x0, y0, x1, y1 = piece.region
    low, high = torch.tensor([x0, y0] * 2), torch.tensor([x1, y1] * 2)
    clipped = torch.minimum(torch.maximum(moved, low), high)
    sides = clipped[:, 2:] - clipped[:, :2]
    whole = (moved[:, 2:] - moved[:, :2]).prod(dim=1)
    keep = (sides > _SMALLEST_SIDE).all(dim=1) & (sides.prod(dim=1) > _SMALLEST_SHARE * whole)
    shapes = picture.masks
    if shapes is not None:
        shapes = shapes[keep].flip(2) if piece.flip else shapes[keep]
    return Instances(clipped[keep], picture.classes[keep], shapes, move(picture.mask_boxes)[keep])


def _join(parts: list[Instances]) -> Instances:
    if len(parts) == 1:
        return parts[0]
    shapes = [p.masks for p in parts if p.masks is not None]
    return Instances(
        torch.cat([p.boxes for p in parts]),
        torch.cat([p.classes for p in parts]),
        torch.cat(shapes) if shapes else None,
        torch.cat([p.mask_boxes for p in parts]),
    )
