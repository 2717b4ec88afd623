"""Colours that a person can tell apart, on dark and on light pictures."""

import colorsys

Color = tuple[int, int, int]
"""Red, green and blue, each 0 to 255."""

# Neighbours in the list differ in hue and in lightness; the first seven hold for most colour-blind people, too
# (after Okabe and Ito, "Color Universal Design", brightened to stand out on photographs).
_COLORS: tuple[Color, ...] = (
    (0, 158, 250),
    (255, 159, 10),
    (20, 200, 130),
    (250, 70, 90),
    (185, 110, 255),
    (245, 225, 50),
    (80, 215, 250),
    (255, 105, 190),
    (150, 205, 40),
    (60, 95, 235),
    (190, 115, 60),
    (0, 165, 165),
    (255, 170, 160),
    (150, 25, 75),
    (195, 185, 255),
    (115, 130, 30),
    (120, 255, 200),
    (130, 60, 190),
    (255, 205, 140),
    (30, 120, 70),
)
_GOLDEN_RATIO = 0.618033988749895


def color_of(category_id: int) -> Color:
    """The colour of a category: always the same one; distinct for ids that lie near each other."""
    if 0 <= category_id < len(_COLORS):
        return _COLORS[category_id]
    hue = (category_id * _GOLDEN_RATIO) % 1.0
    saturation = (0.85, 0.6, 1.0)[category_id % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, (1.0, 0.8)[category_id % 2])
    return round(red * 255), round(green * 255), round(blue * 255)


def text_color_on(background: Color) -> Color:
    """Black or white, whichever reads better on a colour (WCAG relative luminance)."""
    red, green, blue = (_linear(value / 255) for value in background)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (0, 0, 0) if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else (255, 255, 255)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
