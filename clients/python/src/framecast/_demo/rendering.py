"""Scenes as pictures."""

import numpy as np
from PIL import Image, ImageDraw

from framecast._demo.scene import Scene

_OVERSAMPLING = 4


def render(scene: Scene, size: int) -> Image.Image:
    """An RGB picture of `size` x `size` with soft edges, a colour gradient and a little noise behind the shapes."""
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    share = ((ramp[:, None] + ramp[None, :]) / 2)[..., None]
    start, end = (np.asarray(color, np.float32) for color in scene.background)
    noise = np.random.default_rng(scene.grain).normal(0, 6, (size, size, 1)).astype(np.float32)
    canvas = Image.fromarray(np.clip(start + (end - start) * share + noise, 0, 255).astype(np.uint8))
    for shape in scene.shapes:
        outline = shape.outline(size)
        corner = np.floor(outline.min(axis=0)).astype(int)
        width, height = (int(side) for side in np.ceil(outline.max(axis=0)).astype(int) - corner)
        mask = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
        ImageDraw.Draw(mask).polygon(((outline - corner) * _OVERSAMPLING).ravel().tolist(), fill=255)
        soft = mask.resize((width, height), Image.Resampling.BOX)
        canvas.paste(shape.color, (int(corner[0]), int(corner[1])), soft)
    return canvas
