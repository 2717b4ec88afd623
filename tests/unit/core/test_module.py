"""What framecast_core exports and what its stub promises."""

import ast
import re
from pathlib import Path

import numpy as np

import framecast_core
from tests.unit.core.candidates import f32

EXPORTS = {
    "CategoryTable",
    "Polygons",
    "ThreadPool",
    "Tracker",
    "Yuv420Image",
    "__version__",
    "assign",
    "binary_masks_to_polygons",
    "box_iou",
    "compress_rle",
    "decode_boxes",
    "decode_detections",
    "decode_fcos",
    "decode_keypoints",
    "decode_proposals",
    "decode_retinanet",
    "decode_segmentation",
    "decode_ssd",
    "decode_yolov5",
    "decode_yolox",
    "decompress_rle",
    "fuse_boxes",
    "isa",
    "kalman_boxes",
    "kalman_predict",
    "kalman_start",
    "kalman_update",
    "map_boxes",
    "masks_to_polygons",
    "masks_to_rle",
    "measure_rle",
    "nms",
    "nms_rotated",
    "polygons_to_mask",
    "prepare",
    "prototypes_to_polygons",
    "rle_to_masks",
    "rle_to_polygons",
    "serialise_results",
    "simplify_polygons",
    "simplify_rings",
    "simplify_visvalingam",
    "soft_nms",
    "track",
}


def test_exports_are_pinned() -> None:
    assert set(framecast_core.__all__) == EXPORTS
    assert framecast_core.__version__ == "0.1.0"


def test_the_stub_names_every_function_with_its_arguments() -> None:
    package = Path(framecast_core.__file__).parent
    assert (package / "py.typed").exists()
    stub = ast.parse((package / "_core.pyi").read_text())
    functions = {node.name: node.args for node in stub.body if isinstance(node, ast.FunctionDef)}
    classes = {"CategoryTable", "Polygons", "ThreadPool", "Tracker", "Yuv420Image"}
    assert set(functions) == EXPORTS - classes - {"__version__"}
    for name, arguments in functions.items():
        # nanobind's docstring begins with the signature that it accepts.
        signature = (getattr(framecast_core, name).__doc__ or "").splitlines()[0]
        positional, keywords = (*re.split(r", \*, (?=\w+: )", signature, maxsplit=1), "")[:2]
        assert re.findall(r"(\w+): ", positional) == [a.arg for a in arguments.args]
        assert re.findall(r"(\w+): ", keywords) == [a.arg for a in arguments.kwonlyargs]


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
