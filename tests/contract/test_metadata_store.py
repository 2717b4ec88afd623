"""What every metadata store promises."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import (
    Asset,
    Blob,
    Category,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Failure,
    ImageProperties,
    Model,
    ModelState,
    ModelVersion,
    PredictionPart,
    PredictionSet,
    Project,
    RequestRecord,
    Subset,
    SubsetSummary,
    Upload,
    VersionRef,
    VideoProperties,
)
from tests.support import metadata_stores

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
P = "shop"


def digest(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture(params=metadata_stores.ALL)
def store(request, tmp_path):
    with request.param(tmp_path) as opened:
        with opened.transaction() as tx:
            tx.projects.add(Project(P, "Shop", NOW))
        yield opened


def add_dataset(tx: Any, dataset_id: Any = "cars", versions: Any = 1, items: Any = ()) -> Any:
    tx.datasets.add(Dataset(P, dataset_id, "Cars", "on roads", NOW))
    made = []
    for number in range(1, versions + 1):
        version = DatasetVersion(
            P,
            dataset_id,
            number,
            "first",
            (Category(1, "car", "vehicle", ("front", "back")), Category(7, "lorry")),
            (SubsetSummary(Subset.TRAIN, 2, 5),),
            digest(number),
            NOW,
        )
        tx.datasets.add_version(version, items)
        made.append(version)
    return made


def add_model_version(tx: Any, number: Any = 1, **changes: Any) -> Any:
    version = ModelVersion(P, "net", number, ModelState.CREATED, "yolov5n", 2, "job-1", None, NOW)
    version = replace(version, **changes)
    tx.models.add_version(version)
    return version


def test_project_comes_back_as_it_was_stored(store):
    with store.snapshot() as tx:
        assert tx.projects.get(P) == Project(P, "Shop", NOW)
        assert tx.projects.get("other") is None


def test_projects_page_by_id_in_code_point_order(store):
    with store.transaction() as tx:
        for project_id in ("a-b", "ab", "a0", "zoo", "a"):
            tx.projects.add(Project(project_id, "", NOW))
    with store.snapshot() as tx:
        assert [p.project_id for p in tx.projects.page(None, 3)] == ["a", "a-b", "a0"]
        assert [p.project_id for p in tx.projects.page("a0", 3)] == ["ab", P, "zoo"]


def test_a_block_that_raises_leaves_nothing(store):
    def fail() -> None:
        with store.transaction() as tx:
            tx.projects.add(Project("gone", "", NOW))
            tx.blobs.add(Blob(P, digest(1), 3, NOW))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.snapshot() as tx:
        assert tx.projects.get("gone") is None
        assert tx.blobs.get(P, digest(1)) is None


def test_an_uncommitted_row_is_seen_by_nobody_else(store):
    with store.transaction() as tx:
        tx.projects.add(Project("early", "", NOW))
        with store.snapshot() as other:
            assert other.projects.get("early") is None
    with store.snapshot() as other:
        assert other.projects.get("early") is not None


def test_adding_a_blob_again_keeps_the_first(store):
    with store.transaction() as tx:
        tx.blobs.add(Blob(P, digest(1), 3, NOW))
        tx.blobs.add(Blob(P, digest(1), 3, NOW + timedelta(days=1)))
    with store.snapshot() as tx:
        assert tx.blobs.get(P, digest(1)) == Blob(P, digest(1), 3, NOW)


def test_known_digests_are_those_of_the_project(store):
    with store.transaction() as tx:
        tx.projects.add(Project("other", "", NOW))
        for number in range(0, 1200, 2):
            tx.blobs.add(Blob(P, digest(number), number, NOW))
        tx.blobs.add(Blob("other", digest(1), 1, NOW))
    with store.snapshot() as tx:
        asked = {digest(number) for number in range(1200)}
        assert tx.blobs.sizes(P, asked) == {digest(number): number for number in range(0, 1200, 2)}
        assert tx.blobs.sizes(P, set()) == {}


def test_upload_is_stored_finished_and_removed(store):
    upload = Upload(P, "u1", digest(1), 5_000_000_000, NOW, NOW + timedelta(hours=24))
    with store.transaction() as tx:
        tx.uploads.add(upload)
    with store.transaction() as tx:
        assert tx.uploads.get(P, "u1") == upload
        tx.uploads.finish(P, "u1")
        assert tx.uploads.get(P, "u1") == replace(upload, finished=True)
        assert tx.uploads.get("other", "u1") is None
        assert tx.uploads.ids() == {"u1"}
        tx.uploads.remove(P, "u1")
        assert tx.uploads.get(P, "u1") is None


def test_only_expired_uploads_are_removed(store):
    with store.transaction() as tx:
        for name, hours in (("old", 1), ("due", 2), ("new", 3)):
            tx.uploads.add(Upload(P, name, digest(1), 1, NOW, NOW + timedelta(hours=hours)))
        removed = tx.uploads.remove_expired(NOW + timedelta(hours=2))
        assert set(removed) == {(P, "old"), (P, "due")}
        assert tx.uploads.ids() == {"new"}


def test_assets_come_back_as_they_were_stored(store):
    picture = Asset(P, digest(1), "a.jpg", "image/jpeg", 12, ImageProperties(640, 480), NOW)
    video = Asset(P, digest(2), "ü.mp4", "video/mp4", 2**40, VideoProperties(2, 4, 0, 2_600_001, "h264", 270), NOW)
    with store.transaction() as tx:
        for asset in (picture, video):
            tx.blobs.add(Blob(P, asset.sha256, asset.size_bytes, NOW))
            tx.assets.add(asset)
    with store.snapshot() as tx:
        assert tx.assets.get(P, digest(1)) == picture
        assert tx.assets.get(P, digest(2)) == video
        assert tx.assets.get("other", digest(1)) is None
        assert tx.assets.page(P, None, 1) == [picture]
        assert tx.assets.page(P, digest(1), 5) == [video]
        assert tx.assets.find(P, {digest(2), digest(3)}) == {digest(2): video}


def test_dataset_knows_its_latest_version(store):
    with store.transaction() as tx:
        tx.datasets.add(Dataset(P, "empty", "", "", NOW))
        add_dataset(tx, versions=3)
    with store.snapshot() as tx:
        assert tx.datasets.get(P, "cars") == Dataset(P, "cars", "Cars", "on roads", NOW, latest_version=3)
        assert [(d.dataset_id, d.latest_version) for d in tx.datasets.page(P, None, 5)] == [("cars", 3), ("empty", 0)]
        assert tx.datasets.get(P, "none") is None


def test_dataset_versions_come_newest_first(store):
    with store.transaction() as tx:
        made = add_dataset(tx, versions=5)
    with store.snapshot() as tx:
        assert tx.datasets.versions(P, "cars", None, 2) == [made[4], made[3]]
        assert tx.datasets.versions(P, "cars", 4, 9) == [made[2], made[1], made[0]]
        assert tx.datasets.version(P, "cars", 2) == made[1]
        assert tx.datasets.version(P, "cars", 6) is None


def item(position: int, subset: Subset = Subset.TRAIN) -> DatasetItem:
    return DatasetItem(position, digest(position), f"{position}.jpg", subset, position * 10, 1, bytes([position % 256]))


def test_items_keep_their_order_and_page_by_subset(store):
    items = [item(i, Subset.VALIDATION if i % 3 == 0 else Subset.TRAIN) for i in range(10)]
    with store.transaction() as tx:
        (version,) = add_dataset(tx, items=iter([items[:4], items[4:]]))
    with store.snapshot() as tx:
        assert tx.datasets.items(version, None, -1, 100) == items
        assert tx.datasets.items(version, None, 3, 2) == items[4:6]
        assert [i.position for i in tx.datasets.items(version, Subset.VALIDATION, -1, 3)] == [0, 3, 6]
        assert [i.position for i in tx.datasets.items(version, Subset.VALIDATION, 6, 3)] == [9]
        assert tx.datasets.items(version, Subset.TEST, -1, 3) == []


def test_items_that_fail_midway_leave_no_version(store):
    def broken() -> Any:
        yield [item(0)]
        raise ConnectionError

    with pytest.raises(ConnectionError), store.transaction() as tx:
        add_dataset(tx, items=broken())
    with store.snapshot() as tx:
        assert tx.datasets.get(P, "cars") is None
        assert tx.datasets.versions(P, "cars", None, 9) == []


def test_removing_a_dataset_takes_its_versions_along(store):
    with store.transaction() as tx:
        add_dataset(tx, versions=2)
        add_dataset(tx, "kept")
    with store.transaction() as tx:
        tx.datasets.remove(P, "cars")
    with store.snapshot() as tx:
        assert tx.datasets.get(P, "cars") is None
        assert tx.datasets.version(P, "cars", 1) is None
        assert tx.datasets.version(P, "kept", 1) is not None


def test_model_version_comes_back_as_it_was_stored(store):
    with store.transaction() as tx:
        add_dataset(tx)
        tx.models.add(Model(P, "net", "Net", "finds cars", NOW))
        created = add_model_version(tx, dataset_version=VersionRef("cars", 1))
        assert tx.models.version(P, "net", 1) == created
        trained = replace(
            created, state=ModelState.TRAINED, bundle_sha256=digest(9), metrics={"mAP50": 0.1 + 0.2}, end_time=NOW
        )
        tx.models.replace_version(trained)
        assert tx.models.version(P, "net", 1) == trained
        failure = Failure(13, "no memory", "OUT_OF_MEMORY", {"gpu": "0"})
        failed = add_model_version(tx, 2, state=ModelState.FAILED, failure=failure, training_job_id="")
        assert tx.models.version(P, "net", 2) == failed
        assert tx.models.latest_number(P, "net") == 2
        assert tx.models.latest_number(P, "none") == 0


def test_latest_trained_version_passes_over_the_others(store):
    with store.transaction() as tx:
        tx.models.add(Model(P, "net", "", "", NOW))
        assert tx.models.get(P, "net").latest_trained_version == 0
        for number, state in enumerate((ModelState.TRAINED, ModelState.TRAINED, ModelState.FAILED), start=1):
            add_model_version(tx, number, state=state)
    with store.snapshot() as tx:
        assert tx.models.get(P, "net").latest_trained_version == 2
        assert tx.models.page(P, None, 5) == [Model(P, "net", "", "", NOW, latest_trained_version=2)]
        assert [v.number for v in tx.models.versions(P, "net", None, 2)] == [3, 2]
        assert [v.number for v in tx.models.versions(P, "net", 2, 2)] == [1]


def test_a_dataset_knows_which_model_was_trained_on_it(store):
    with store.transaction() as tx:
        add_dataset(tx, versions=2)
        add_dataset(tx, "free")
        tx.models.add(Model(P, "net", "", "", NOW))
        used = add_model_version(tx, dataset_version=VersionRef("cars", 2))
        assert tx.models.trained_on(P, "cars") == used
        assert tx.models.trained_on(P, "free") is None
        failed = replace(used, state=ModelState.FAILED)
        tx.models.replace_version(failed)
        assert tx.models.trained_on(P, "cars") is None
        tx.models.forget_dataset(P, "free")
        assert tx.models.version(P, "net", used.number) == failed
        tx.models.forget_dataset(P, "cars")
        tx.datasets.remove(P, "cars")
        assert tx.models.version(P, "net", used.number) == replace(failed, dataset_version=None)


def add_predictions(tx: Any, set_id: str, version: int = 1, parts: int = 3, **changes: Any) -> Any:
    made = PredictionSet(
        project_id=P,
        dataset_version=VersionRef("cars", version),
        set_id=set_id,
        model_id="net",
        model_version=1,
        bundle_sha256=digest(9),
        subset=Subset.TEST,
        settings=b"\x00settings",
        inference_job_id="job-1",
        result_count=5_000_000_000,
        failed_count=1,
        instance_count=5_000_000_001,
        size_bytes=5_000_000_002,
        create_time=NOW,
    )
    made = replace(made, **changes)
    rows = [PredictionPart(10 * n, digest(n), 3, 10, 1, 7) for n in range(parts)]
    for part in rows:
        tx.blobs.add(Blob(P, part.sha256, part.size_bytes, NOW))
    tx.predictions.add(made, rows)
    return made, rows


@pytest.fixture
def predicted(store):
    """Holds a dataset with two versions and a model to answer."""
    with store.transaction() as tx:
        add_dataset(tx, versions=2)
        tx.models.add(Model(P, "net", "", "", NOW))
        add_model_version(tx)
    return store


def test_predictions_come_back_as_they_were_stored(predicted):
    with predicted.transaction() as tx:
        made, _ = add_predictions(tx, "b")
        whole, _ = add_predictions(tx, "a", subset=None, inference_job_id="")
        other, _ = add_predictions(tx, "a", version=2)
    with predicted.snapshot() as tx:
        first, second = VersionRef("cars", 1), VersionRef("cars", 2)
        assert tx.predictions.get(P, first, "b") == made
        assert tx.predictions.get(P, second, "b") is None
        assert tx.predictions.get("other", first, "b") is None
        assert tx.predictions.page(P, first, None, 9) == [whole, made]
        assert tx.predictions.page(P, first, None, 1) == [whole]
        assert tx.predictions.page(P, first, "a", 9) == [made]
        assert tx.predictions.page(P, second, None, 9) == [other]


def test_parts_of_predictions_are_found_by_position(predicted):
    with predicted.transaction() as tx:
        made, parts = add_predictions(tx, "a")
        add_predictions(tx, "b", parts=1)
    with predicted.snapshot() as tx:
        for position, first in ((0, 0), (9, 0), (10, 1), (29, 2), (30, 3)):
            assert tx.predictions.parts(made, position) == parts[first:]


def test_predictions_go_alone_and_with_their_dataset(predicted):
    with predicted.transaction() as tx:
        add_predictions(tx, "a")
        kept, parts = add_predictions(tx, "b")
        tx.predictions.remove(P, VersionRef("cars", 1), "a")
        assert tx.predictions.page(P, VersionRef("cars", 1), None, 9) == [kept]
        assert tx.predictions.parts(kept, 0) == parts
    with predicted.transaction() as tx:
        tx.datasets.remove(P, "cars")
    with predicted.transaction() as tx:
        add_dataset(tx)
        assert tx.predictions.page(P, VersionRef("cars", 1), None, 9) == []
        assert tx.blobs.get(P, digest(0)) is not None
        made, parts = add_predictions(tx, "b", parts=1)
        assert tx.predictions.parts(made, 0) == parts


def test_requests_are_told_apart_by_scope_and_method(store):
    with store.transaction() as tx:
        tx.requests.add("projects/shop", "CreateModel", "r", RequestRecord(digest(1), "net", NOW))
    with store.snapshot() as tx:
        assert tx.requests.get("projects/shop", "CreateModel", "r") == RequestRecord(digest(1), "net", NOW)
        assert tx.requests.get("projects/shop", "CreateDataset", "r") is None
        assert tx.requests.get("projects/other", "CreateModel", "r") is None


def test_requests_are_forgotten_with_what_they_made_and_by_age(store):
    made = {
        ("projects/shop", "CreateDataset", "a"): RequestRecord(digest(1), "cars", NOW),
        ("projects/shop", "CreateDataset", "b"): RequestRecord(digest(1), "bikes", NOW + timedelta(seconds=1)),
        ("projects/shop", "CreateModel", "a"): RequestRecord(digest(1), "cars", NOW + timedelta(seconds=1)),
        ("projects/shop/datasets/cars", "CreateDatasetVersion", "a"): RequestRecord(digest(1), "1", NOW),
    }

    def left() -> list[int]:
        with store.snapshot() as tx:
            return [number for number, key in enumerate(made) if tx.requests.get(*key) is not None]

    with store.transaction() as tx:
        for key, record in made.items():
            tx.requests.add(*key, record)
    with store.transaction() as tx:
        tx.requests.remove("projects/shop", "CreateDataset", "cars")
    assert left() == [1, 2, 3]
    with store.transaction() as tx:
        tx.requests.remove_scope("projects/shop/datasets/cars")
    assert left() == [1, 2]
    with store.transaction() as tx:
        tx.requests.remove_older(NOW + timedelta(seconds=1))
    assert left() == [1, 2]
    with store.transaction() as tx:
        tx.requests.remove_older(NOW + timedelta(seconds=2))
    assert left() == []


def test_lock_makes_check_then_add_safe_across_threads(store):
    made = []

    def create() -> None:
        for _ in range(5):
            with store.transaction() as tx:
                tx.lock("model/shop/net")
                number = tx.models.latest_number(P, "net") + 1
                add_model_version(tx, number)
                made.append(number)

    with store.transaction() as tx:
        tx.models.add(Model(P, "net", "", "", NOW))
    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 81))


def test_a_snapshot_sees_one_state(store):
    with store.snapshot() as tx:
        assert tx.projects.get("late") is None
        with store.transaction() as other:
            other.projects.add(Project("late", "", NOW))
        assert tx.projects.get("late") is None


def test_a_text_with_nul_is_stored_or_refused(store):
    def add() -> None:
        with store.transaction() as tx:
            tx.projects.add(Project("nul", "a\x00b", NOW))

    try:
        add()
    except InvalidArgumentError as error:
        refused = error.reason
    else:
        refused = ""
    with store.snapshot() as tx:
        stored = tx.projects.get("nul")
    assert (refused == "TEXT_INVALID") == (stored is None)
    assert stored is None or stored.display_name == "a\x00b"
