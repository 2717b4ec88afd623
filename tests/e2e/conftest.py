"""All services as `framecast up` starts them."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast._demo.rendering import render
from framecast._demo.scene import KINDS, random_scene
from framecast._demo.shape_data import write_coco, write_video
from tests.support.running_stack import RunningStack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with RunningStack(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


@pytest.fixture(scope="package")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO set of twelve training and four validation pictures."""
    folder = tmp_path_factory.mktemp("data") / "shapes"
    write_coco(folder, seed=11, train=12, validation=4)
    return folder


@pytest.fixture(scope="package")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with one shape each, in a folder per class."""
    folder = tmp_path_factory.mktemp("data") / "kinds"
    for index in range(18):
        scene = random_scene(random.Random(index), shape_count=1)
        path = folder / ("train" if index < 12 else "val") / scene.shapes[0].kind / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        render(scene, 72).save(path)
    for kind in KINDS:  # seeds may favour some
        (folder / "train" / kind).mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen frames."""
    path = tmp_path_factory.mktemp("data") / "shapes.mp4"
    write_video(path, seed=11, seconds=0.6, shapes=3)
    return path
