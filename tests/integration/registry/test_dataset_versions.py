"""Dataset versions over the wire: all or nothing, paged, repeatable."""

import math
import threading
import time
from typing import Any

import pytest
from google.rpc import status_pb2

from framecast import errors
from framecast.v1 import annotation_pb2, dataset_pb2, geometry_pb2, model_pb2
from framecast.v1 import registry_service_pb2 as pb
from framecast.v1.registry_service_pb2_grpc import RegistryServiceStub
from tests.support.pictures import picture
from tests.support.registry_api import PROJECT

CARS = f"{PROJECT}/datasets/cars"
CAR = annotation_pb2.Category(id=1, name="car")
POSE = annotation_pb2.Category(id=7, name="person", keypoints=["nose", "foot"])


@pytest.fixture
def asset(api):
    return api.create_asset(picture(width=32, height=24), "a.png").name


def box(x_min: Any, y_min: Any, x_max: Any, y_max: Any, **fields: Any) -> Any:
    corners = geometry_pb2.BoundingBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
    return annotation_pb2.Annotation(category_id=1, box=corners, **fields)


def rings(exterior: Any, *holes: Any) -> Any:
    polygon = geometry_pb2.Polygon(
        exterior=geometry_pb2.Ring(coordinates=exterior),
        holes=[geometry_pb2.Ring(coordinates=hole) for hole in holes],
    )
    return annotation_pb2.Annotation(
        category_id=1, polygon_set=annotation_pb2.Annotation.PolygonSet(polygons=[polygon])
    )


def runs(height: Any, width: Any, counts: Any) -> Any:
    mask = geometry_pb2.RunLengthMask(height=height, width=width, counts=counts)
    return annotation_pb2.Annotation(category_id=1, run_length=mask)


def item(asset: Any, *annotations: Any, subset: Any = dataset_pb2.SUBSET_TRAIN, **fields: Any) -> Any:
    return dataset_pb2.DatasetItem(asset=asset, subset=subset, annotations=annotations, **fields)


def items_of(api: Any, version: Any, **fields: Any) -> Any:
    request = pb.ListDatasetItemsRequest(parent=version, page_size=1000, **fields)
    return list(api.registry.ListDatasetItems(request).dataset_items)


def datasets(api: Any) -> Any:
    return list(api.registry.ListDatasets(pb.ListDatasetsRequest(parent=PROJECT)).datasets)


def test_a_version_comes_back_as_it_was_given(api, asset):
    second = api.create_asset(picture(1), "b.png").name
    given = [
        item(
            asset,
            box(1, 2, 3.5, 4, area=2.25, source_id=9, crowd=True),
            rings([0, 0, 10, 0, 10, 10], [1, 1, 2, 1, 2, 2]),
            runs(24, 32, [100, 24 * 32 - 100]),
            file_name="train/a.png",
            source_id=2**40,
        ),
        item(second, subset=dataset_pb2.SUBSET_VALIDATION),
    ]
    version = api.create_dataset_version(CARS, [CAR, POSE], given)
    assert version.name == f"{CARS}/versions/1"
    assert list(version.categories) == [CAR, POSE]
    assert [(s.subset, s.item_count, s.annotation_count) for s in version.subsets] == [(1, 1, 3), (2, 1, 0)]
    assert items_of(api, version.name) == given
    assert items_of(api, version.name, subset=dataset_pb2.SUBSET_VALIDATION) == given[1:]
    assert api.registry.GetDatasetVersion(pb.GetDatasetVersionRequest(name=version.name)) == version
    assert datasets(api)[0].latest_version == version.name


def test_equal_content_has_an_equal_digest(api, asset):
    first = api.create_dataset_version(CARS, [CAR], [item(asset, box(1, 2, 3, 4))])
    same = api.create_dataset_version(CARS, [CAR], [item(asset, box(1, 2, 3, 4))])
    other = api.create_dataset_version(CARS, [CAR], [item(asset, box(1, 2, 3, 5))])
    assert (first.digest, len(first.digest)) == (same.digest, 64)
    assert other.digest != first.digest
    assert [v.name.rsplit("/", 1)[1] for v in (first, same, other)] == ["1", "2", "3"]
    listed = api.registry.ListDatasetVersions(pb.ListDatasetVersionsRequest(parent=CARS))
    assert list(listed.dataset_versions) == [other, same, first]


def test_a_box_that_reaches_past_the_edge_is_clipped(api, asset):
    version = api.create_dataset_version(CARS, [CAR], [item(asset, box(-3, 5, 40, 30))])
    (kept,) = items_of(api, version.name)[0].annotations
    assert kept.box == geometry_pb2.BoundingBox(x_min=0, y_min=5, x_max=32, y_max=24)


FAULTS = {
    "unknown category": (annotation_pb2.Annotation(category_id=2), "CATEGORY_UNKNOWN", ""),
    "box outside": (box(32, 0, 40, 5), "BOX_OUTSIDE_IMAGE", ".box"),
    "box without width": (box(3, 3, 3, 5), "BOX_INVALID", ".box"),
    "box with NaN": (box(math.nan, 3, 4, 5), "BOX_INVALID", ".box"),
    "infinite box": (box(0, 0, math.inf, 5), "BOX_INVALID", ".box"),
    "two points": (rings([0, 0, 1, 1]), "RING_INVALID", ".polygon_set.polygons[0]"),
    "odd coordinates": (rings([0, 0, 1, 1, 2, 2, 3]), "RING_INVALID", ".polygon_set.polygons[0]"),
    "bad hole": (rings([0, 0, 9, 0, 9, 9], [1, 1]), "RING_INVALID", ".polygon_set.polygons[0]"),
    "infinite ring": (rings([0, 0, 9, 0, 9, math.inf]), "RING_INVALID", ".polygon_set.polygons[0]"),
    "short runs": (runs(24, 32, [5]), "MASK_INVALID", ".run_length"),
    "mask of another size": (runs(2, 2, [4]), "MASK_SIZE_MISMATCH", ".run_length"),
    "negative area": (box(0, 0, 1, 1, area=-1), "AREA_INVALID", ".area"),
    "missing keypoint": (
        annotation_pb2.Annotation(category_id=7, keypoints=[geometry_pb2.Keypoint(x=1, y=1)]),
        "KEYPOINTS_INVALID",
        ".keypoints",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_annotation_is_named_and_nothing_is_stored(api, asset, case):
    annotation, reason, part = FAULTS[case]
    good = api.create_asset(picture(1), "good.png").name
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_dataset_version(
            CARS, [CAR, POSE], [item(good), item(asset, box(0, 0, 1, 1), annotation, file_name="a.png")]
        )
    assert (caught.value.reason, caught.value.field) == (reason, f"items[1].annotations[1]{part}")
    assert "a.png" in caught.value.message
    assert datasets(api) == []


def test_bad_items_are_named(api, asset):
    unknown = f"{PROJECT}/assets/{'0' * 64}"
    foreign = f"projects/other/assets/{'0' * 64}"
    for rows, reason, field in (
        ([item(asset), item(unknown, file_name="x.jpg")], "ASSET_NOT_FOUND", "items[1].asset"),
        ([item(asset), item(asset)], "ASSET_DUPLICATE", "items[1].asset"),
        ([item(foreign)], "PROJECT_MISMATCH", "items[0].asset"),
        ([item("x")], "RESOURCE_NAME_INVALID", "items[0].asset"),
        ([item(asset, subset=0)], "SUBSET_INVALID", "items[0].subset"),
        ([item(asset, subset=9)], "SUBSET_INVALID", "items[0].subset"),
    ):
        with pytest.raises(errors.InvalidArgumentError) as caught:
            api.create_dataset_version(CARS, [CAR], rows)
        assert (caught.value.reason, caught.value.field) == (reason, field)
    assert datasets(api) == []


@pytest.mark.parametrize(
    "categories",
    [
        [CAR, annotation_pb2.Category(id=1, name="van")],
        [CAR, annotation_pb2.Category(id=2, name="car")],
        [CAR, annotation_pb2.Category(id=2)],
        [CAR, annotation_pb2.Category(id=-1, name="van")],
    ],
)
def test_bad_categories_are_named(api, asset, categories):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_dataset_version(CARS, categories, [item(asset)])
    assert caught.value.field == "dataset_version.categories[1]"


def test_a_missing_dataset_is_not_made_unasked(api, asset):
    with pytest.raises(errors.NotFoundError, match="cars"):
        api.create_dataset_version(CARS, [CAR], [item(asset)], allow_missing=False)
    with pytest.raises(errors.InvalidArgumentError):
        api.create_dataset_version(f"{PROJECT}/datasets/Cars", [CAR], [item(asset)])


def test_another_number_of_items_than_announced_stores_nothing(api, asset):
    with pytest.raises(errors.InvalidArgumentError, match="announces 2 items, but 1 came"):
        api.create_dataset_version(CARS, [CAR], [item(asset)], item_count=2)
    assert datasets(api) == []


def test_a_stream_that_breaks_midway_stores_nothing(api, asset):
    go_on = threading.Event()

    def requests() -> Any:
        yield pb.CreateDatasetVersionRequest(
            parent=CARS, allow_missing=True, dataset_version=dataset_pb2.DatasetVersion(categories=[CAR])
        )
        yield pb.CreateDatasetVersionRequest(items=[item(asset)])
        go_on.wait(10)

    with api.plain_channel() as channel:
        for _ in range(20):
            go_on.clear()
            call = RegistryServiceStub(channel).CreateDatasetVersion.future(requests())
            time.sleep(0.05)
            call.cancel()
            go_on.set()
    time.sleep(0.3)
    assert datasets(api) == []


def test_a_slow_stream_holds_nobody_off(api, asset):
    go_on = threading.Event()

    def requests() -> Any:
        yield pb.CreateDatasetVersionRequest(parent=CARS, allow_missing=True, items=[item(asset)])
        go_on.wait(20)

    with api.plain_channel() as channel:
        call = RegistryServiceStub(channel).CreateDatasetVersion.future(requests())
        time.sleep(0.2)
        started = time.monotonic()
        api.registry.CreateModel(pb.CreateModelRequest(parent=PROJECT, model_id="meanwhile"))
        assert time.monotonic() - started < 5
        go_on.set()
        assert call.result().name == f"{CARS}/versions/1"


def test_a_repeated_request_returns_the_first_version(api, asset):
    first = api.create_dataset_version(CARS, [CAR], [item(asset)], request_id="r")
    assert api.create_dataset_version(CARS, [CAR], [item(asset)], request_id="r") == first
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_dataset_version(CARS, [CAR], [item(asset, box(0, 0, 1, 1))], request_id="r")
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert datasets(api)[0].latest_version == first.name


def test_versions_made_at_once_get_numbers_of_their_own(api, asset):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(api.create_dataset_version(CARS, [CAR], [item(asset)]).name))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == sorted(f"{CARS}/versions/{number}" for number in range(1, 17))


def test_many_items_page_in_order(api, asset):
    assets = [asset, *(api.create_asset(picture(seed), "x.png").name for seed in range(1, 25))]
    subsets = [dataset_pb2.SUBSET_TEST if i % 5 == 0 else dataset_pb2.SUBSET_TRAIN for i in range(25)]
    given = [
        item(name, subset=subset, source_id=i) for i, (name, subset) in enumerate(zip(assets, subsets, strict=True))
    ]
    version = api.create_dataset_version(CARS, [CAR], given, per_message=4)
    for subset, wanted in (
        (dataset_pb2.SUBSET_UNSPECIFIED, list(range(25))),
        (dataset_pb2.SUBSET_TEST, [0, 5, 10, 15, 20]),
    ):
        seen, token = [], ""
        while True:
            page = api.registry.ListDatasetItems(
                pb.ListDatasetItemsRequest(parent=version.name, page_size=4, page_token=token, subset=subset)
            )
            seen += [row.source_id for row in page.dataset_items]
            assert len(page.dataset_items) <= 4
            token = page.next_page_token
            if not token:
                break
        assert seen == wanted
    with pytest.raises(errors.InvalidArgumentError) as caught:
        items_of(api, version.name, subset=9)
    assert caught.value.field == "subset"


def test_a_page_ends_early_rather_than_outgrow_a_message(api):
    ring = [float(i % 30) for i in range(300_000)]
    assets = [api.create_asset(picture(seed), "x.png").name for seed in range(30)]
    given = [item(name, rings(ring), source_id=i) for i, name in enumerate(assets)]
    version = api.create_dataset_version(CARS, [CAR], given, per_message=10)
    seen, token = [], ""
    while True:
        page = api.registry.ListDatasetItems(
            pb.ListDatasetItemsRequest(parent=version.name, page_size=1000, page_token=token)
        )
        assert page.ByteSize() < 20_000_000
        seen += [row.source_id for row in page.dataset_items]
        token = page.next_page_token
        if not token:
            break
    assert seen == list(range(30))


def test_long_file_names_end_a_page_too(api, monkeypatch):
    monkeypatch.setattr("framecast_registry.datasets._PAGE_BYTES", 9_000)
    assets = [api.create_asset(picture(seed), "x.png").name for seed in range(4)]
    given = [item(name, file_name="é" * 2048) for name in assets]
    version = api.create_dataset_version(CARS, [CAR], given)
    page = api.registry.ListDatasetItems(pb.ListDatasetItemsRequest(parent=version.name))
    assert len(page.dataset_items) == 2
    assert page.next_page_token


@pytest.mark.parametrize("field", ["name", "supercategory", "keypoints[0]"])
def test_long_texts_of_categories_are_refused(api, field):
    text = "x" * 1025
    texts: dict[str, Any] = {"name": "car", **({"keypoints": [text]} if "[" in field else {field: text})}
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_dataset_version(CARS, [annotation_pb2.Category(id=1, **texts)], [])
    assert caught.value.field == f"dataset_version.categories[0].{field}"


def test_long_file_names_and_descriptions_are_refused(api, asset):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_dataset_version(CARS, [CAR], [item(asset, file_name="x" * 4097)])
    assert (caught.value.reason, caught.value.field) == ("TEXT_TOO_LONG", "items[0].file_name")
    request = pb.CreateDatasetVersionRequest(
        parent=CARS, allow_missing=True, dataset_version=dataset_pb2.DatasetVersion(description="x" * 65537)
    )
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.registry.CreateDatasetVersion(iter([request]))
    assert caught.value.field == "dataset_version.description"
    assert datasets(api) == []


def test_a_dataset_in_use_is_not_deleted(api, asset):
    version = api.create_dataset_version(CARS, [CAR], [item(asset)])
    model_version = model_pb2.ModelVersion(architecture="yolov5n", dataset_version=version.name)
    api.registry.CreateModelVersion(
        pb.CreateModelVersionRequest(parent=f"{PROJECT}/models/net", model_version=model_version, allow_missing=True)
    )
    with pytest.raises(errors.FailedPreconditionError, match=r"models/net/versions/1 was trained on .*cars/versions/1"):
        api.registry.DeleteDataset(pb.DeleteDatasetRequest(name=CARS))
    api.create_dataset_version(f"{PROJECT}/datasets/free", [CAR], [item(asset)])
    api.registry.DeleteDataset(pb.DeleteDatasetRequest(name=f"{PROJECT}/datasets/free"))
    with pytest.raises(errors.NotFoundError):
        api.registry.DeleteDataset(pb.DeleteDatasetRequest(name=f"{PROJECT}/datasets/free"))
    assert api.registry.GetAsset(pb.GetAssetRequest(name=asset)).name == asset


def test_a_failed_model_version_lets_its_dataset_go(api, asset):
    version = api.create_dataset_version(CARS, [CAR], [item(asset)])
    model_version = model_pb2.ModelVersion(architecture="yolov5n", dataset_version=version.name)
    made = api.registry.CreateModelVersion(
        pb.CreateModelVersionRequest(parent=f"{PROJECT}/models/net", model_version=model_version, allow_missing=True)
    )
    error = status_pb2.Status(code=13, message="it broke")
    failed = api.registry.FailModelVersion(pb.FailModelVersionRequest(name=made.name, error=error))
    assert failed.dataset_version == version.name
    api.registry.DeleteDataset(pb.DeleteDatasetRequest(name=CARS))
    assert datasets(api) == []
    assert api.registry.GetModelVersion(pb.GetModelVersionRequest(name=made.name)).dataset_version == ""


def test_a_repeated_request_makes_a_deleted_dataset_anew(api, asset):
    request = pb.CreateDatasetRequest(parent=PROJECT, dataset_id="cars", request_id="r")
    for _ in range(2):
        api.registry.CreateDataset(request)
        assert api.create_dataset_version(CARS, [CAR], [item(asset)], request_id="r").name == f"{CARS}/versions/1"
        api.registry.DeleteDataset(pb.DeleteDatasetRequest(name=CARS))
    assert datasets(api) == []


def test_version_names_are_checked(api, asset):
    api.create_dataset_version(CARS, [CAR], [item(asset)])
    for number, error in (
        ("2", errors.NotFoundError),
        ("x", errors.InvalidArgumentError),
        ("01", errors.InvalidArgumentError),
    ):
        with pytest.raises(error):
            api.registry.GetDatasetVersion(pb.GetDatasetVersionRequest(name=f"{CARS}/versions/{number}"))
