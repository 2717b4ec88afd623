"""A box of coloured circles, squares and triangles that move, turn and bounce off each other."""

import colorsys
import dataclasses
import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("circle", "square", "triangle")
"""The categories, counted from 1."""
_CORNERS = {"circle": 40, "square": 4, "triangle": 3}
_ATTEMPTS = 200


@dataclass(frozen=True)
class Shape:
    """A shape within the unit square; units are sides of the scene, and seconds."""

    kind: str
    color: tuple[int, int, int]
    x: float
    y: float
    radius: float
    """Of the circle around it."""
    angle: float
    speed_x: float
    speed_y: float
    spin: float

    def outline(self, size: int) -> NDArray[np.float32]:
        """float32 [N, 2]: its corners in pixels of a scene of `size` x `size`."""
        count = _CORNERS[self.kind]
        angles = self.angle + np.arange(count) * (2 * math.pi / count)
        points = np.stack([self.x + self.radius * np.cos(angles), self.y + self.radius * np.sin(angles)], axis=1)
        return (points * size).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """Shapes on a background."""

    shapes: tuple[Shape, ...]
    background: tuple[tuple[int, int, int], tuple[int, int, int]]
    """Colours of the upper left and the lower right corner."""
    grain: int
    """Seed of the background's noise."""

    def after(self, seconds: float) -> "Scene":
        """The scene a moment later; `seconds` should be short against the time between two collisions."""
        moved = [
            dataclasses.replace(
                shape,
                x=shape.x + shape.speed_x * seconds,
                y=shape.y + shape.speed_y * seconds,
                angle=shape.angle + shape.spin * seconds,
            )
            for shape in self.shapes
        ]
        for first in range(len(moved)):
            for second in range(first + 1, len(moved)):
                moved[first], moved[second] = _bounce(moved[first], moved[second])
        return dataclasses.replace(self, shapes=tuple(_keep_within(shape) for shape in moved))


def random_scene(generator: random.Random, *, shape_count: int | None = None) -> Scene:
    """A scene whose shapes do not touch."""
    wanted = shape_count or generator.randint(2, 5)
    shapes: list[Shape] = []
    for _ in range(_ATTEMPTS):
        if len(shapes) == wanted:
            break
        radius = generator.uniform(0.085, 0.17)
        x, y = (generator.uniform(radius, 1 - radius) for _ in range(2))
        if all(math.hypot(x - other.x, y - other.y) > radius + other.radius + 0.01 for other in shapes):
            direction, speed = generator.uniform(0, 2 * math.pi), generator.uniform(0.1, 0.35)
            shapes.append(
                Shape(
                    kind=generator.choice(KINDS),
                    color=_color(generator, (0.5, 1.0), (0.65, 1.0)),
                    x=x,
                    y=y,
                    radius=radius,
                    angle=generator.uniform(0, 2 * math.pi),
                    speed_x=speed * math.cos(direction),
                    speed_y=speed * math.sin(direction),
                    spin=generator.uniform(-1.2, 1.2),
                )
            )
    corners = tuple(_color(generator, (0.0, 0.35), (0.15, 0.55)) for _ in range(2))
    return Scene(tuple(shapes), (corners[0], corners[1]), generator.randrange(2**31))


def _color(
    generator: random.Random, saturation: tuple[float, float], brightness: tuple[float, float]
) -> tuple[int, int, int]:
    values = colorsys.hsv_to_rgb(generator.random(), generator.uniform(*saturation), generator.uniform(*brightness))
    red, green, blue = (round(value * 255) for value in values)
    return red, green, blue


def _bounce(a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """Two discs of equal mass swap their speeds along the line between them."""
    dx, dy = b.x - a.x, b.y - a.y
    distance = math.hypot(dx, dy) or 1e-9
    overlap = a.radius + b.radius - distance
    if overlap <= 0:
        return a, b
    nx, ny = dx / distance, dy / distance
    approach = (a.speed_x - b.speed_x) * nx + (a.speed_y - b.speed_y) * ny
    swap = max(0.0, approach)
    return (
        dataclasses.replace(
            a,
            x=a.x - nx * overlap / 2,
            y=a.y - ny * overlap / 2,
            speed_x=a.speed_x - swap * nx,
            speed_y=a.speed_y - swap * ny,
        ),
        dataclasses.replace(
            b,
            x=b.x + nx * overlap / 2,
            y=b.y + ny * overlap / 2,
            speed_x=b.speed_x + swap * nx,
            speed_y=b.speed_y + swap * ny,
        ),
    )


def _keep_within(shape: Shape) -> Shape:
    x, speed_x = _reflect(shape.x, shape.speed_x, shape.radius)
    y, speed_y = _reflect(shape.y, shape.speed_y, shape.radius)
    return dataclasses.replace(shape, x=x, y=y, speed_x=speed_x, speed_y=speed_y)


def _reflect(position: float, speed: float, radius: float) -> tuple[float, float]:
    if position < radius:
        return radius, abs(speed)
    if position > 1 - radius:
        return 1 - radius, -abs(speed)
    return position, speed
