"""Random views of a picture: where its pixels come from and how its colours change.

A view is a list of pieces; a plain view has one, a mosaic four. Each piece maps a source picture into a region of the
canvas by mirroring, one scale and a shift, so that boxes stay boxes and masks, kept in their box's frame, only flip.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from framecast_bundle.placement import Placement


@dataclass(frozen=True, kw_only=True)
class AugmentRule:
    """How far random views may stray; all zeros leaves pictures as they are."""

    flip: float = 0.0
    """Probability of a mirror image."""
    scale: float = 0.0
    """The scale is drawn from [1 - scale, 1 + scale]."""
    shift: float = 0.0
    """Of the centre, as a share of the canvas."""
    mosaic: float = 0.0
    """Probability that four pictures share the canvas."""
    brightness: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    """In turns."""

    @property
    def is_identity(self) -> bool:
        return self == AugmentRule()


@dataclass(frozen=True)
class Piece:
    """Canvas point = source point (mirrored first if `flip`) * scale + offset, inside `region`."""

    source: int
    scale: float
    left: float
    top: float
    region: tuple[int, int, int, int]
    """x0, y0, x1, y1 on the canvas, in whole pixels."""
    flip: bool = False
    color: Tensor | None = None
    """float32 [3, 3], applied to RGB in [0, 1]."""


def plain(source: int, placement: Placement, canvas: tuple[int, int]) -> list[Piece]:
    """The picture where inference would put it."""
    return [Piece(source, 1.0, placement.x, placement.y, (0, 0, *canvas))]


def single(
    rule: AugmentRule, rng: np.random.Generator, source: int, placement: Placement, canvas: tuple[int, int]
) -> list[Piece]:
    """One picture, scaled about its centre, shifted, mirrored, recoloured."""
    scale = 1.0 + float(rng.uniform(-rule.scale, rule.scale))
    shift_x, shift_y = rng.uniform(-rule.shift, rule.shift, 2) * canvas
    left = placement.x + placement.width * (1 - scale) / 2 + float(shift_x)
    top = placement.y + placement.height * (1 - scale) / 2 + float(shift_y)
    return [Piece(source, scale, left, top, (0, 0, *canvas), bool(rng.random() < rule.flip), _color(rule, rng))]


def mosaic(
    rule: AugmentRule,
    rng: np.random.Generator,
    sources: list[int],
    placements: list[Placement],
    canvas: tuple[int, int],
) -> list[Piece]:
    """Four pictures that meet, corner to corner, at a random point."""
    width, height = canvas
    x, y = (round(float(side * rng.uniform(0.25, 0.75))) for side in canvas)
    scale = 1.0 + float(rng.uniform(-rule.scale, rule.scale))
    regions = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
    pieces = []
    for i, (source, placement, region) in enumerate(zip(sources, placements, regions, strict=True)):
        left = x if i % 2 else x - placement.width * scale
        top = y if i >= 2 else y - placement.height * scale
        flip = bool(rng.random() < rule.flip)
        pieces.append(Piece(source, scale, left, top, region, flip, _color(rule, rng)))
    return pieces


def _color(rule: AugmentRule, rng: np.random.Generator) -> Tensor | None:
    """Brightness, saturation and hue as one matrix: a rotation and a stretch around the gray axis."""
    if rule.brightness == rule.saturation == rule.hue == 0:
        return None
    brightness = 1 + rng.uniform(-rule.brightness, rule.brightness)
    saturation = 1 + rng.uniform(-rule.saturation, rule.saturation)
    turn = rng.uniform(-rule.hue, rule.hue) * 2 * np.pi
    chroma = saturation * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    around_gray = np.eye(3)
    around_gray[1:, 1:] = chroma
    matrix = brightness * np.linalg.inv(_TO_YIQ) @ around_gray @ _TO_YIQ
    return torch.from_numpy(matrix.astype(np.float32))


_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
