"""Inference jobs through real services: the model, the registry and the object store are the real ones."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from framecast import Client, Instances, JobState, Subset
from framecast.errors import (
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    UnimplementedError,
)
from tests.support.inference_process import inference_process
from tests.support.inference_server import InferenceHandle, inference
from tests.support.waiting import until

from .conftest import Services

CAR = "videos/car_h264_cfr.mp4"


@contextmanager
def replica(services: Services, folder: Path, database: Path, **settings: Any) -> Iterator[InferenceHandle]:
    with inference(
        folder,
        registry_address=services.registry.address,
        object_store_url=services.registry.object_store_url,
        database_url=f"sqlite:///{database}",
        **settings,
    ) as handle:
        yield handle


def client_of(services: Services, address: str) -> Client:
    return Client(services.registry.address, inference_address=address)


@pytest.fixture(scope="module")
def client(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("jobs")
    with replica(services, folder, folder / "jobs.db") as handle, client_of(services, handle.address) as made:
        yield made


def plain(results: Any) -> list[Any]:
    """Results that can be compared."""
    return [
        (
            result.frame_index,
            result.pts,
            result.time,
            None if result.error is None else result.error.message,
            None if result.prediction is None else _plain(result.prediction.instances),
        )
        for result in results
    ]


def _plain(instances: Instances) -> Any:
    return instances.boxes.tolist(), instances.scores.tolist(), instances.names


def test_a_job_gives_what_a_stream_gives(client: Client, services: Services, shared_data: Path) -> None:
    job = client.inference_jobs.start(services.yolox, shared_data / CAR, count=12, stride=2, confidence=0.2)
    assert job.state is JobState.QUEUED
    assert job.latest.settings.confidence == 0.2
    assert job.latest.settings.iou is not None  # filled in
    followed = plain(job.results())
    update = job.wait(timeout=60)
    assert (update.progress.frames_done, update.progress.total_frames, update.progress.failed_frames) == (12, 12, 0)
    with client.predict_video(services.yolox, shared_data / CAR, count=12, stride=2, confidence=0.2) as stream:
        assert followed == plain(stream)
    assert plain(job.results(position=5)) == followed[5:]
    assert list(job.results(position=12)) == []
    with pytest.raises(OutOfRangeError):
        list(job.results(position=13))
    assert next(each.id for each in client.inference_jobs.list()) == job.id
    assert client.inference_jobs.get(job.id).refresh() == update
    states = [each.state for each in job.watch()]
    assert states == [JobState.SUCCEEDED]


def test_pictures_groups_and_videos_in_one_job(client: Client, services: Services, shared_data: Path) -> None:
    picture = client.assets.upload(shared_data / "images_odd/chelsea_rgb.png")
    other = client.assets.upload(shared_data / "images_odd/coffee.webp")
    job = client.inference_jobs.start(
        services.yolox,
        [picture, [picture, other, picture], shared_data / CAR],
        count=2,
        confidence=0.2,
    )
    job.wait(timeout=60)
    results = list(job.results())
    assert [(result.source_index, result.frame_index) for result in results] == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [result.asset for result in results] == [picture.name, picture.name, other.name, "", ""]
    alone = client.predict(services.yolox, [picture, other], confidence=0.2)
    assert [each[-1] for each in plain([results[0], results[2]])] == [each[-1] for each in plain(alone)]


def test_a_damaged_video_fails_its_frames_and_not_the_job(
    client: Client, services: Services, shared_data: Path
) -> None:
    job = client.inference_jobs.start(services.yolox, shared_data / "videos/corrupt_middle.mp4", start=150, end=175)
    update = job.wait(timeout=120)
    results = list(job.results())
    assert [result.frame_index for result in results] == list(range(150, 176))
    lost = [result for result in results if result.error is not None]
    assert len(lost) == update.progress.failed_frames > 0
    assert {result.error.reason for result in lost if result.error} == {"FRAME_DAMAGED"}
    stream = client.predict_video(services.yolox, shared_data / "videos/corrupt_middle.mp4", start=150, end=175)
    given: list[Any] = []
    with pytest.raises(Exception, match="damaged"), stream:
        given.extend(stream)
    assert plain(result for result in results if result.error is None) == plain(given)


def test_a_job_can_be_cancelled_and_deleted(client: Client, services: Services, shared_data: Path) -> None:
    job = client.inference_jobs.start(services.yolox, shared_data / "videos/bottle_h264_bframes.mp4")
    with pytest.raises(FailedPreconditionError, match="cancel it first"):
        job.delete()
    job.cancel()
    with pytest.raises(CancelledError):
        job.wait(timeout=30)
    done = job.latest.progress.frames_done
    assert done < 1000
    assert len(list(job.results())) == done
    job.delete()
    with pytest.raises(NotFoundError):
        job.refresh()
    assert job.id not in [each.id for each in client.inference_jobs.list()]


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({}, InvalidArgumentError, "inference_job.sources"),
        ({"sources": "projects/default/assets/" + "0" * 64}, NotFoundError, None),
        ({"sources": "projects/other/assets/" + "0" * 64}, InvalidArgumentError, "inference_job.sources[0].asset"),
        ({"dataset": "none/1"}, NotFoundError, None),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    client: Client, services: Services, arguments: dict[str, Any], error: type[Exception], field: str | None
) -> None:
    with pytest.raises(error) as refused:
        client.inference_jobs.start(services.yolox, **arguments)
    assert field is None or getattr(refused.value, "field", None) == field


def test_settings_that_do_not_fit_the_model_are_refused_at_once(
    client: Client, services: Services, shared_data: Path
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        client.inference_jobs.start(services.yolox, shared_data / CAR, classes=("unicorn",))
    assert refused.value.reason == "UNKNOWN_CATEGORY"


def test_of_two_replicas_one_runs_a_job_and_both_tell_of_it(
    services: Services, shared_data: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        handles = [
            stack.enter_context(replica(services, tmp_path / name, tmp_path / "jobs.db", max_running_jobs=running))
            for name, running in (("idle", 0), ("busy", 1))
        ]
        idle, busy = (stack.enter_context(client_of(services, handle.address)) for handle in handles)
        job = idle.inference_jobs.start(services.yolox, shared_data / CAR, count=6)
        results = plain(job.results())
        assert job.wait(timeout=60).progress.frames_done == 6
        assert plain(busy.inference_jobs.get(job.id).results()) == results
        assert handles[0].service.models.loaded() == []


def test_a_killed_replica_loses_nothing(services: Services, shared_data: Path, tmp_path: Path) -> None:
    """kill -9 in the middle; another process goes on, and a reader that follows notices nothing."""
    options: dict[str, str] = {
        "registry_address": services.registry.address,
        "object_store_url": services.registry.object_store_url,
        "database_url": f"sqlite:///{tmp_path}/jobs.db",
        "job_lease_s": "1",
    }
    bottle = shared_data / "videos/bottle_h264_bframes.mp4"
    with inference_process(tmp_path, **options) as first, client_of(services, first.address) as client:
        job = client.inference_jobs.start(services.yolox, bottle, count=60)
        read: list[Any] = []
        reader = threading.Thread(target=lambda: read.extend(job.results()), daemon=True)
        reader.start()
        until(lambda: job.refresh().progress.phase == "predicting")
        first.process.kill()
        first.process.wait()
        with inference_process(tmp_path, listen_address=first.address, **options):
            assert job.wait(timeout=120).progress.frames_done == 60
            reader.join(30)
            assert [result.frame_index for result in read] == list(range(60))
            again = client.inference_jobs.start(services.yolox, bottle, count=60)
            assert plain(again.results()) == plain(read) == plain(job.results())


def test_without_a_database_jobs_are_not_supported(services: Services) -> None:
    with client_of(services, services.inference.address) as client, pytest.raises(UnimplementedError) as refused:
        list(client.inference_jobs.list())
    assert refused.value.reason == "INFERENCE_JOBS_NOT_SUPPORTED"


@pytest.fixture(scope="module")
def dataset(client: Client, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four pictures of two classes, by folders."""
    folder = tmp_path_factory.mktemp("pictures")
    odd = shared_data / "images_odd"
    for name in ("coffee.webp", "coffee_cmyk.jpg", "chelsea_rgb.png", "chelsea_exif3.jpg"):
        kind = folder / name.partition("_")[0].partition(".")[0]
        kind.mkdir(exist_ok=True)
        shutil.copy(odd / name, kind)
    return client.datasets.import_(folder, name="odd", validation_fraction=0.5).version.name


def test_a_job_over_a_dataset_records_its_predictions(client: Client, services: Services, dataset: str) -> None:
    job = client.inference_jobs.start(services.yolox, dataset=dataset, record_predictions=True, confidence=0.1)
    update = job.wait(timeout=60)
    results = list(job.results())
    recorded = client.prediction_sets.get(update.prediction_set)
    assert (recorded.dataset_version, recorded.id, recorded.inference_job) == (dataset, job.id, job.name)
    assert (recorded.model_version, recorded.bundle_sha256) == (services.yolox, update.bundle_sha256)
    assert (recorded.settings, recorded.subset) == (update.settings, None)
    found = sum(len(result.unwrap().instances) for result in results)
    assert (recorded.result_count, recorded.failed_count, recorded.instance_count) == (4, 0, found)
    assert found > 0
    job.delete()  # recorded predictions outlive it
    assert plain(client.prediction_sets.results(recorded)) == plain(results)
    assert plain(client.prediction_sets.results(recorded.reference, position=3)) == plain(results)[3:]
    assert [each.asset for each in client.prediction_sets.results(recorded)] == [
        item.asset for item in client.datasets.items(dataset)
    ]
    assert list(client.prediction_sets.list(dataset)) == [recorded]
    client.prediction_sets.delete(recorded)
    assert list(client.prediction_sets.list(dataset)) == []


def test_predictions_of_a_subset_are_recorded(client: Client, services: Services, dataset: str) -> None:
    job = client.inference_jobs.start(
        services.yolox, dataset=dataset, subset=Subset.VALIDATION, record_predictions=True
    )
    recorded = client.prediction_sets.get(job.wait(timeout=60).prediction_set)
    assert (recorded.subset, recorded.result_count) == (Subset.VALIDATION, 2)


def test_only_a_job_over_a_dataset_records_predictions(client: Client, services: Services, shared_data: Path) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        client.inference_jobs.start(services.yolox, shared_data / CAR, record_predictions=True)
    assert (refused.value.reason, refused.value.field) == (
        "DATASET_VERSION_MISSING",
        "inference_job.record_predictions",
    )
