"""Samples decoded, scaled and cached: what augmentation starts from."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast_bundle.input_tensor import InputTensor, middle
from framecast_bundle.placement import Placement, place
from framecast_trainer.learning import masks
from framecast_trainer.learning.cache_budget import cache_budget
from framecast_trainer.learning.data import Sample
from framecast_trainer.learning.decode import decode_sample
from framecast_trainer.learning.input_rule import Input

LARGEST_CACHE_BYTES = 2 * 1024**3
SMALLEST_SIDE = 2.0
"""Boxes thinner than this many tensor pixels cannot be learnt from and are left out."""


@dataclass(frozen=True)
class Prepared:
    """A scaled picture with its instances, in its own pixels (the padding comes later)."""

    image: Tensor
    """uint8 [3, h, w] RGB."""
    placement: Placement
    boxes: Tensor
    """float32 [N, 4] xyxy, clipped to the picture."""
    classes: Tensor
    """int64 [N]."""
    masks: Tensor | None
    """uint8 [N, masks.SIDE, masks.SIDE], each in the frame of its `mask_boxes`."""
    mask_boxes: Tensor
    """float32 [N, 4] xyxy, not clipped."""
    label: int
    """Class of the whole picture; -1 where it has none."""

    @property
    def byte_count(self) -> int:
        return self.image.numel() + (0 if self.masks is None else self.masks.numel()) + 32 * len(self.boxes)


class PreparedSet:
    """Samples by position. The first ones to fit into `cache_bytes` stay in memory, the others are decoded each time.

    If open, it is what the machine's memory allows.
    Nothing is evicted: under a random order, keeping a fixed share beats replacing it.
    """

    def __init__(
        self, samples: Sequence[Sample], rule: Input, *, with_masks: bool, cache_bytes: int | None = None
    ) -> None:
        self._samples = samples
        self._rule = rule
        self._with_masks = with_masks
        self._free = cache_budget(LARGEST_CACHE_BYTES) if cache_bytes is None else cache_bytes
        self._cache: dict[int, Prepared] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Prepared:
        """Raises DataLossError, naming the file, for a picture that cannot be read."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        prepared = prepare(self._samples[index], self._rule, with_masks=self._with_masks)
        if prepared.byte_count <= self._free:
            self._free -= prepared.byte_count
            self._cache[index] = prepared
        return prepared


def prepare(sample: Sample, rule: Input, *, with_masks: bool) -> Prepared:
    """Crowds and degenerate boxes are left out; no instance gives boxes of shape [0, 4]."""
    pixels = decode_sample(sample)
    height, width = pixels.shape[:2]
    placement = place(rule, width=width, height=height)
    if placement.cropped:
        # Rules that crop are for labels of whole pictures: no box has to follow.
        pixels, placement = middle(pixels, placement)

    instances = [a for a in sample.annotations if a.box is not None and not a.crowd]
    whole = torch.from_numpy(np.array([a.box for a in instances], np.float32).reshape(-1, 4) * placement.scale)
    limit = torch.tensor([placement.width, placement.height] * 2, dtype=torch.float32)
    clipped = torch.minimum(whole.clamp(min=0), limit)
    keep = ((clipped[:, 2:] - clipped[:, :2]) >= SMALLEST_SIDE).all(dim=1)
    instances = [a for a, kept in zip(instances, keep.tolist(), strict=True) if kept]
    shapes = None
    if with_masks:
        stacked = np.stack([masks.in_box(a) for a in instances]) if instances else _NO_MASKS
        shapes = torch.from_numpy(stacked)
    labels = [a.category_index for a in sample.annotations if a.box is None]
    return Prepared(
        image=_resized(pixels, rule, placement),
        placement=placement,
        boxes=clipped[keep],
        classes=torch.tensor([a.category_index for a in instances], dtype=torch.int64),
        masks=shapes,
        mask_boxes=whole[keep],
        label=labels[0] if labels else -1,
    )


def _resized(pixels: NDArray[np.uint8], rule: Input, placement: Placement) -> Tensor:
    """uint8 [3, h, w], by the arithmetic of serving; what augmentation paints is normalised after it."""
    unscaled = Input(
        color_order=Input.RGB,
        scale=1,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        round_to_uint8=True,
        antialias=rule.antialias,
    )
    whole = dataclasses.replace(placement, x=0, y=0, tensor_width=placement.width, tensor_height=placement.height)
    return torch.from_numpy(InputTensor(unscaled).fill([pixels], [whole])[0].astype(np.uint8))


_NO_MASKS = np.zeros((0, masks.SIDE, masks.SIDE), np.uint8)
