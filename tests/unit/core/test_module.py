"""What framecast_core exports, what its stub promises, and that threads do not disturb each other."""

import ast
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of

EXPORTS = {
    "Polygons",
    "ThreadPool",
    "__version__",
    "binary_masks_to_polygons",
    "decode_boxes",
    "decode_proposals",
    "decode_yolov5",
    "decode_yolox",
    "isa",
    "masks_to_polygons",
    "nms",
    "polygons_to_mask",
    "prepare",
    "simplify_rings",
}


def test_exports_are_pinned() -> None:
    assert set(framecast_core.__all__) == EXPORTS
    assert framecast_core.__version__ == "0.1.0"


def test_the_stub_names_every_function_with_its_arguments() -> None:
    package = Path(framecast_core.__file__).parent
    assert (package / "py.typed").exists()
    stub = ast.parse((package / "_core.pyi").read_text())
    functions = {node.name: node.args for node in stub.body if isinstance(node, ast.FunctionDef)}
    assert set(functions) == EXPORTS - {"Polygons", "ThreadPool", "__version__"}
    for name, arguments in functions.items():
        # nanobind's docstring begins with the signature that it accepts.
        signature = (getattr(framecast_core, name).__doc__ or "").splitlines()[0]
        positional, _, keywords = signature.partition("], *, ")
        assert re.findall(r"(\w+): ", positional) == [a.arg for a in arguments.args]
        assert re.findall(r"(\w+): ", keywords) == [a.arg for a in arguments.kwonlyargs]


def test_sixteen_threads_at_once_get_what_one_gets() -> None:
    def work(seed: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        rng = np.random.default_rng(seed)
        boxes, scores = clustered_boxes(rng, 2000), rng.random(2000).astype(np.float32)
        keep, _ = framecast_core.nms(
            boxes,
            scores,
            rng.integers(3, size=2000, dtype=np.int32),
            splits_of([2000]),
            iou_thresholds=f32(0.5),
            score_thresholds=f32(0),
            max_detections=i32(2000),
            class_agnostic=np.array([False]),
        )
        masks = rng.random((4, 40, 50)) > 0.4
        polygons = framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=np.full(4, 0.02, np.float32))
        return keep, polygons.points

    alone = [work(seed) for seed in range(32)]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(work, range(32)))
    for (keep, points), (other_keep, other_points) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(keep, other_keep)
        np.testing.assert_array_equal(points, other_points)


def test_results_outlive_what_made_them() -> None:
    polygons = framecast_core.binary_masks_to_polygons(np.ones((1, 3, 3), bool), rdp_thresholds=f32(0))
    points = polygons.points
    del polygons
    for _ in range(100):
        framecast_core.binary_masks_to_polygons(np.zeros((1, 30, 30), bool), rdp_thresholds=f32(0))
    assert sorted(map(tuple, points.tolist())) == [(0, 0), (0, 3), (3, 0), (3, 3)]


def test_the_code_of_the_readme_runs() -> None:
    readme = (Path(__file__).parents[3] / "core" / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "core/README.md", "exec"), {})
