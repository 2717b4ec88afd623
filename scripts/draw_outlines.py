"""Draws docs/images/core-outlines.svg: a mask, its outline by framecast_core, and the outline simplified.

python scripts/draw_outlines.py docs/images/core-outlines.svg
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import framecast_core

SIDE = 40
"""Pixels of the mask."""
SCALE = 6
GAP = 24
TEXT = 'font-family="sans-serif" font-size="13" fill="#57606a"'
DOT = 2.2


def mask() -> NDArray[np.bool_]:
    """A blob with a hole, and a second part apart from it."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    angle, radius = np.arctan2(y - 20, x - 18), np.hypot(x - 18, y - 20)
    blob = radius < 13 + 2.5 * np.sin(3 * angle + 0.6)
    hole = np.hypot((x - 16) / 1.4, y - 18) < 4
    return np.asarray((blob & ~hole) | (np.hypot(x - 34, y - 6) < 4.2), np.bool_)


def panel(left: int, content: str, caption: str) -> str:
    side = SIDE * SCALE
    return (
        f'<g transform="translate({left} 8)">'
        f'<rect width="{side}" height="{side}" fill="#ffffff" stroke="#d0d7de"/>{content}'
        f'<text x="{side / 2:g}" y="{side + 20}" text-anchor="middle" {TEXT}>{caption}</text></g>\n'
    )


def pixels(found: NDArray[np.bool_]) -> str:
    rows = []
    for y, row in enumerate(found):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row, [0]])))
        rows += [
            f"M{a * SCALE} {y * SCALE}h{(b - a) * SCALE}v{SCALE}h-{(b - a) * SCALE}z" for a, b in edges.reshape(-1, 2)
        ]
    return f'<path d="{"".join(rows)}" fill="#8250df" fill-opacity="0.45"/>'


def outlines(found: framecast_core.Polygons) -> str:
    rings, dots = [], []
    for first, last in pairwise(found.ring_splits.tolist()):
        points = [f"{x * SCALE:g} {y * SCALE:g}" for x, y in found.points[first:last].tolist()]
        rings.append("M" + "L".join(points) + "z")
        dots += [f"M{point}h0" for point in points]
    return (
        f'<path d="{"".join(rings)}" fill="#8250df" fill-opacity="0.2" fill-rule="evenodd" stroke="#8250df"/>'
        f'<path d="{"".join(dots)}" stroke="#24292f" stroke-width="{2 * DOT:g}" stroke-linecap="round"/>'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target
    found = mask()
    step = SIDE * SCALE + GAP
    content = panel(1, pixels(found), f"mask: {found.sum()} pixels")
    for position, threshold in enumerate((0.0, 0.02), start=1):
        polygons = framecast_core.binary_masks_to_polygons(
            found[None], rdp_thresholds=np.array([threshold], np.float32)
        )
        caption = f"rdp_threshold {threshold:g}: {len(polygons.points)} points"
        content += panel(1 + position * step, outlines(polygons), caption)
    width, height = 3 * step - GAP + 2, SIDE * SCALE + 40
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f"{content}</svg>\n"
    )


if __name__ == "__main__":
    main()
