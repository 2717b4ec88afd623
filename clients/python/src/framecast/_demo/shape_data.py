"""The demo's data on disk: a COCO set with polygons, and a video of shapes that training never saw."""

import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from framecast._demo.rendering import render
from framecast._demo.scene import KINDS, random_scene
from framecast.drawing.video import import_av

SIZE = 160
VIDEO_SIZE = 480
FRAMES_PER_SECOND = 25
_SCENES_PER_SECOND = 100
"""The simulation's step; four of them to a frame."""


def write_coco(
    folder: Path, *, seed: int, train: int = 240, validation: int = 40, on_picture: Callable[[], None] = lambda: None
) -> None:
    """Writes `instances_train.json`, `instances_val.json` and `images/`; equal seeds write equal sets.

    The two subsets come from different scenes.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for subset, count, offset in (("train", train, 0), ("val", validation, 1_000_000)):
        document: dict[str, list[dict[str, object]]] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i, "name": name} for i, name in enumerate(KINDS, start=1)],
        }
        for index in range(count):
            scene = random_scene(random.Random(seed * 10_000_000 + offset + index))  # noqa: S311  # pictures, not keys
            for _ in range(index % 50):  # pictures of motion: shapes have met walls and each other
                scene = scene.after(0.02)
            name = f"{subset}_{index:04d}.png"
            render(scene, SIZE).save(images / name)
            document["images"].append({"id": index + 1, "file_name": name, "width": SIZE, "height": SIZE})
            for shape in scene.shapes:
                outline = np.clip(shape.outline(SIZE), 0, SIZE)
                (x_min, y_min), (x_max, y_max) = outline.min(axis=0), outline.max(axis=0)
                document["annotations"].append(
                    {
                        "id": len(document["annotations"]) + 1,
                        "image_id": index + 1,
                        "category_id": KINDS.index(shape.kind) + 1,
                        "bbox": [round(float(v), 3) for v in (x_min, y_min, x_max - x_min, y_max - y_min)],
                        "segmentation": [np.round(outline.astype(float), 3).ravel().tolist()],
                        "area": round(_area(outline), 3),
                        "iscrowd": 0,
                    }
                )
            on_picture()
        (folder / f"instances_{subset}.json").write_text(json.dumps(document))


def write_video(
    path: Path, *, seed: int, seconds: float = 10.0, shapes: int = 6, on_frame: Callable[[], None] = lambda: None
) -> int:
    """Writes an MP4 of bouncing shapes; returns the number of frames."""
    av = import_av()
    generator = random.Random(seed * 10_000_000 + 2_000_000)  # noqa: S311  # a picture, not a key
    scene = random_scene(generator, shape_count=shapes)
    frames = round(seconds * FRAMES_PER_SECOND)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND), options={"crf": "18"})
        stream.width = stream.height = VIDEO_SIZE
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            picture = np.asarray(render(scene, VIDEO_SIZE))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            for _ in range(_SCENES_PER_SECOND // FRAMES_PER_SECOND):
                scene = scene.after(1 / _SCENES_PER_SECOND)
            on_frame()
        container.mux(stream.encode(None))
    return frames


def _area(outline: np.ndarray) -> float:
    """Of a polygon by its corners (the shoelace formula)."""
    x, y = outline[:, 0].astype(float), outline[:, 1].astype(float)
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
