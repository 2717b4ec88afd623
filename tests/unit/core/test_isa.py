"""FRAMECAST_ISA: what it takes, what it refuses, and that every path gives the same bits."""

import os
import subprocess
import sys

import pytest

import framecast_core

NAMES = ("scalar", "neon", "avx2", "avx512")

DIGEST = """
import hashlib

import numpy as np

import framecast_core

rng = np.random.default_rng(5)
digest = hashlib.sha256(usedforsecurity=False)
for count, limit in ((3000, 3000), (40, 9), (1, 1), (9000, 300)):
    corners = rng.uniform(0, 300, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 60, (count, 2))], axis=1).astype(np.float32)
    scores = (rng.integers(0, 500, count) / 500).astype(np.float32)
    keep, _ = framecast_core.nms(
        boxes,
        scores,
        rng.integers(-3, 3, count, dtype=np.int32),
        np.array([0, count]),
        iou_thresholds=np.array([0.45], np.float32),
        score_thresholds=np.array([0.01], np.float32),
        max_detections=np.array([limit], np.int32),
        class_agnostic=np.array([False]),
    )
    digest.update(keep.tobytes())
for height, width in ((97, 161), (33, 40), (300, 500)):
    out = np.zeros((1, 3, 64, 80), np.float32)
    framecast_core.prepare(
        [rng.integers(0, 256, (height, width, 3), dtype=np.uint8)],
        np.array([[3, 5, 75, 51]], np.int32),
        out,
        gain=np.array([0.017, 0.018, 0.019], np.float32),
        bias=np.array([-2, -1.9, -1.8], np.float32),
        pad=np.zeros(3, np.float32),
        reverse_channels=True,
        round_to_uint8=width == 40,
    )
    digest.update(out.tobytes())
angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
radii = 50 + rng.normal(0, 2, 400).cumsum()
points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)
for epsilon in (0, 0.3, 2, 9):
    for part in framecast_core.simplify_rings(points, np.array([0, 13, 400]), np.full(2, epsilon, np.float32)):
        digest.update(part.tobytes())
corners = rng.uniform(0, 200, (30, 2))
polygons = framecast_core.masks_to_polygons(
    rng.random((30, 28, 28), np.float32),
    np.concatenate([corners, corners + rng.uniform(1, 90, (30, 2))], axis=1).astype(np.float32),
    np.tile(np.array([[240, 250]], np.int32), (30, 1)),
    threshold=0.5,
    rdp_thresholds=np.linspace(0, 0.02, 30, dtype=np.float32),
)
for part in (polygons.points, polygons.ring_splits, polygons.part_splits, polygons.areas):
    digest.update(part.tobytes())
print(framecast_core.isa(), digest.hexdigest())
"""


def run(code: str, isa: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "FRAMECAST_ISA"}
    if isa is not None:
        environment["FRAMECAST_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_the_set_in_use() -> None:
    assert framecast_core.isa() in NAMES


@pytest.fixture(scope="module")
def scalar_digest() -> str:
    done = run(DIGEST, "scalar")
    assert done.returncode == 0, done.stderr
    used, digest = done.stdout.split()
    assert used == "scalar"
    return digest


@pytest.mark.parametrize("isa", [None, "", "neon", "avx2", "avx512"])
def test_every_path_gives_the_bits_of_the_scalar_one(isa: str | None, scalar_digest: str) -> None:
    done = run(DIGEST, isa)
    if isa and "this machine has no" in done.stderr:
        pytest.skip(f"no {isa} here")
    assert done.returncode == 0, done.stderr
    used, digest = done.stdout.split()
    assert not isa or used == isa
    assert digest == scalar_digest


def test_an_unknown_name_fails_the_import_and_lists_the_known() -> None:
    done = run("import framecast_core", "sse9")
    assert done.returncode != 0
    assert "ImportError: FRAMECAST_ISA: must be scalar, neon, avx2 or avx512, not 'sse9'" in done.stderr
