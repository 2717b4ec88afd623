"""Labels beside boxes: readable, within the picture, and off each other where there is room."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from framecast.drawing.palette import Color, text_color_on

_Area = tuple[float, float, float, float]


class LabelPlacer:
    """Draws labels on one picture and remembers where they are."""

    def __init__(self, canvas: Image.Image, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        self._canvas = canvas
        self._draw = ImageDraw.Draw(canvas)
        self._font = font
        self._taken: list[_Area] = []
        self._corner_y = 4.0
        _, top, _, bottom = self._draw.textbbox((0, 0), "Ågj", font=font)
        self._height = bottom - top
        self._top = top
        self._padding = max(2.0, round(self._height * 0.18))

    def place(self, text: str, box: NDArray[np.float32], color: Color) -> None:
        """Writes a text at a box: above it, else inside at its top or bottom, else below; the first place that is
        free."""
        width, height = self._size(text)
        x_min, y_min, x_max, y_max = (float(value) for value in box)
        wanted = [
            (x_min, y_min - height),
            (x_min, y_min),
            (x_max - width, y_min - height),
            (x_min, y_max - height),
            (x_min, y_max),
            (x_max - width, y_max - height),
        ]
        areas = [self._within(x, y, width, height) for x, y in wanted]
        self._write(text, min(areas, key=self._overlap), color)

    def fits(self, text: str, box: NDArray[np.float32]) -> bool:
        """Whether a box is at least as large as its label."""
        width, height = self._size(text)
        return float(box[2] - box[0]) >= width and float(box[3] - box[1]) >= height

    def corner(self, text: str, color: Color) -> None:
        """Writes a text of the whole picture, below the one before, from the top left corner."""
        width, height = self._size(text)
        self._write(text, (4.0, self._corner_y, 4.0 + width, self._corner_y + height), color)
        self._corner_y += height + 3

    def _size(self, text: str) -> tuple[float, float]:
        return self._draw.textlength(text, font=self._font) + 2 * self._padding, self._height + 2 * self._padding

    def _within(self, x: float, y: float, width: float, height: float) -> _Area:
        x = min(max(0.0, x), max(0.0, self._canvas.width - width))
        y = min(max(0.0, y), max(0.0, self._canvas.height - height))
        return (round(x), round(y), round(x + width), round(y + height))

    def _overlap(self, area: _Area) -> float:
        covered = 0.0
        for other in self._taken:
            width = min(area[2], other[2]) - max(area[0], other[0])
            height = min(area[3], other[3]) - max(area[1], other[1])
            covered += max(0.0, width) * max(0.0, height)
        return covered

    def _write(self, text: str, area: _Area, color: Color) -> None:
        self._taken.append(area)
        self._draw.rounded_rectangle((area[0], area[1], area[2] - 1, area[3] - 1), radius=self._padding, fill=color)
        origin = (area[0] + self._padding, area[1] + self._padding - self._top)
        self._draw.text(origin, text, fill=text_color_on(color), font=self._font)
