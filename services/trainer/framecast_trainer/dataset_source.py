"""A dataset version as the learner sees it: labels from the registry, pictures from the object store when needed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np

from framecast.errors import FailedPreconditionError
from framecast.names import ASSET
from framecast.v1 import annotation_pb2, asset_pb2, dataset_pb2, geometry_pb2
from framecast_runtime.object_store import ObjectStore, blob_path
from framecast_trainer.learning.data import Annotation, CategoryName, Ring, RunLengths, Sample, TrainingData

_CALLS_AT_ONCE = 8
_BATCH = 256


class LabelRegistry(Protocol):
    """What the learner's data needs of the registry, in the contract's own messages: a million labels pass here."""

    def dataset_version(self, name: str) -> dataset_pb2.DatasetVersion: ...

    def dataset_items(
        self, dataset_version: str, subset: "dataset_pb2.Subset.ValueType" = ...
    ) -> Iterator[dataset_pb2.DatasetItem]: ...

    def asset(self, name: str) -> asset_pb2.Asset: ...


def load_training_data(
    registry: LabelRegistry, store: ObjectStore, dataset_version: str, check_stop: Callable[[], None] = lambda: None
) -> TrainingData:
    """Reads all labels now and each picture's bytes whenever the learner asks.

    Raises NotFoundError where the version is gone, FailedPreconditionError for an item that is no picture.
    """
    version = registry.dataset_version(dataset_version)
    positions = {category.id: index for index, category in enumerate(version.categories)}
    subsets: dict[dataset_pb2.Subset.ValueType, list[Sample]] = {
        dataset_pb2.SUBSET_TRAIN: [],
        dataset_pb2.SUBSET_VALIDATION: [],
    }
    with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
        for subset, samples in subsets.items():
            items = registry.dataset_items(dataset_version, subset)
            while batch := list(islice(items, _BATCH)):
                check_stop()
                samples.extend(pool.map(partial(_sample, registry, store, positions), batch))
    return TrainingData(
        categories=[CategoryName(row.id, row.name, row.supercategory) for row in version.categories],
        train=subsets[dataset_pb2.SUBSET_TRAIN],
        validation=subsets[dataset_pb2.SUBSET_VALIDATION],
    )


def _sample(
    registry: LabelRegistry, store: ObjectStore, positions: dict[int, int], item: dataset_pb2.DatasetItem
) -> Sample:
    file_name = item.file_name or item.asset
    size = _image(registry.asset(item.asset), file_name)
    return Sample(
        read=partial(store.get, blob_path(ASSET.parse(item.asset)["sha256"])),
        file_name=file_name,
        width=size.width,
        height=size.height,
        annotations=[annotation_of(row, positions[row.category_id]) for row in item.annotations],
    )


def _image(asset: asset_pb2.Asset, file_name: str) -> asset_pb2.Asset.ImageProperties:
    if not asset.HasField("image"):
        raise FailedPreconditionError(
            f"{file_name} is of type {asset.media_type}; training needs pictures: take frames out of the video first",
            reason="ITEM_NOT_AN_IMAGE",
            item=file_name,
            media_type=asset.media_type,
        )
    return asset.image


def annotation_of(message: annotation_pb2.Annotation, category_index: int) -> Annotation:
    """The learner's form. An annotation with a mask and no box gets the mask's."""
    polygons = runs = box = None
    if message.WhichOneof("mask") == "polygon_set":
        polygons = [[_ring(ring) for ring in (part.exterior, *part.holes)] for part in message.polygon_set.polygons]
    elif message.WhichOneof("mask") == "run_length":
        runs = RunLengths(message.run_length.height, message.run_length.width, list(message.run_length.counts))
    if message.HasField("box"):
        box = (message.box.x_min, message.box.y_min, message.box.x_max, message.box.y_max)
    elif polygons:
        points = np.concatenate([part[0] for part in polygons])
        box = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    elif runs:
        box = _bounds(runs)
    return Annotation(
        category_index=category_index,
        box=box,
        polygons=polygons,
        run_lengths=runs,
        crowd=message.crowd,
        area=message.area if message.HasField("area") else None,
    )


def _ring(ring: geometry_pb2.Ring) -> Ring:
    return np.array(ring.coordinates, np.float32).reshape(-1, 2)


def _bounds(runs: RunLengths) -> tuple[float, float, float, float] | None:
    ones = np.repeat(np.arange(len(runs.counts)) % 2 == 1, runs.counts).reshape(runs.width, runs.height)
    columns, rows = np.flatnonzero(ones.any(axis=1)), np.flatnonzero(ones.any(axis=0))
    if not len(columns):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
