"""Run-length masks against pycocotools."""

import numpy as np
import pytest

from framecast import InvalidArgumentError
from framecast.importers.run_length import bounding_box, check_counts, decode_counts


@pytest.mark.parametrize("seed", range(8))
def test_counts_decode_as_pycocotools_encodes(seed: int) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 70, 2)
    pixels = generator.random((height, width)) < generator.choice([0.02, 0.5, 0.98])
    encoded = mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    counts = check_counts(decode_counts(encoded["counts"].decode()), width=int(width), height=int(height))
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T
    np.testing.assert_array_equal(values, pixels)


def test_bounding_box_covers_the_ones() -> None:
    pixels = np.zeros((9, 12), bool)
    pixels[2:5, 3:8] = True
    flat = pixels.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    counts = np.diff([0, *edges, flat.size]).tolist()
    assert bounding_box(counts, height=9) == (3, 2, 8, 5)


def test_bounding_box_of_nothing_is_none() -> None:
    assert bounding_box([108], height=9) is None


@pytest.mark.parametrize("text", ["\x10", "P", "oooo", "\x7f"])
def test_malformed_counts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        check_counts(decode_counts(text), width=3, height=3)
