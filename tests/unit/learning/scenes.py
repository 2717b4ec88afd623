"""Small seeded pictures of coloured circles, squares and triangles, with boxes, masks and labels."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from framecast_trainer.learning.data import Annotation, CategoryName, Sample, TrainingData

SHAPES = ("circle", "square", "triangle")
CATEGORIES = [CategoryName(id=10 * (i + 1), name=name) for i, name in enumerate(SHAPES)]
_COLORS = ((220, 60, 50), (60, 190, 80), (70, 90, 220))


def outline(shape: int, x: float, y: float, radius: float) -> np.ndarray:
    if shape == 0:
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        points = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    elif shape == 1:
        points = np.array([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])
    else:
        points = np.array([(0, -1), (0.95, 0.8), (-0.95, 0.8)])
    return (points * radius + (x, y)).astype(np.float32)


def scene(seed: int, width: int = 128, height: int = 96, objects: int | None = None) -> Sample:
    """Up to four shapes that do not overlap."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 130, (height, width, 3), dtype=np.uint8))
    count = int(rng.integers(1, 5)) if objects is None else objects
    taken: list[tuple[float, float, float]] = []
    annotations = []
    while len(taken) < count:
        radius = rng.uniform(10, 20)
        x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
        if any(np.hypot(x - a, y - b) < radius + c + 2 for a, b, c in taken):
            count -= rng.random() < 0.05
            continue
        taken.append((x, y, radius))
        shape = int(rng.integers(3))
        ring = outline(shape, x, y, radius)
        color = tuple(int(c) for c in np.clip(np.array(_COLORS[shape]) + rng.integers(-30, 30, 3), 0, 255))
        ImageDraw.Draw(image).polygon([tuple(p) for p in ring.tolist()], fill=color)
        low, high = ring.min(axis=0), ring.max(axis=0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        annotations.append(Annotation(shape, box=box, polygons=[[ring]]))
    return Sample(_png(image), f"scene_{seed}.png", width, height, annotations)


def labelled(seed: int, side: int = 48) -> Sample:
    """One shape, as a label of the whole picture."""
    inner = scene(seed, side, side, objects=1)
    return Sample(inner.read, inner.file_name, side, side, [Annotation(inner.annotations[0].category_index)])


def shapes_data(train: int, validation: int, *, labels: bool = False) -> TrainingData:
    make = labelled if labels else scene
    return TrainingData(CATEGORIES, [make(i) for i in range(train)], [make(10_000 + i) for i in range(validation)])


def sample_of(pixels: np.ndarray, annotations: Sequence[Annotation] = (), name: str = "picture.png") -> Sample:
    return Sample(_png(Image.fromarray(pixels)), name, pixels.shape[1], pixels.shape[0], annotations)


def _png(image: Image.Image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    content = buffer.getvalue()
    return lambda: content
