"""Jobs of a real trainer, as the client sees them."""

from pathlib import Path

import pytest

from framecast import (
    CancelledError,
    Client,
    DeadlineExceededError,
    InvalidArgumentError,
    Job,
    JobState,
    ModelVersionState,
    NotFoundError,
    TrainingFailedError,
)
from tests.support.waiting import until


def start(client: Client, shapes: Path, **settings) -> Job:
    report = client.datasets.import_(shapes, name="to-train")
    return client.training.start(report, architecture="yolov5n", epochs=2, device="cpu", **settings)


def test_a_job_is_watched_to_its_end(trained_with, shapes: Path) -> None:
    client = trained_with("slow")
    job = start(client, shapes, max_duration_s=90.5, model="watched")
    updates = list(job.watch())
    assert updates[-1].state is JobState.SUCCEEDED
    fractions = [update.progress.fraction for update in updates]
    assert fractions == sorted(fractions)
    assert job.latest.config["max_duration_s"] == 90.5
    assert job.latest.config["device"] == "cpu"
    ended = job.wait()
    assert client.models.get_version(ended).state is ModelVersionState.TRAINED
    assert client.models.get_version("watched").name == ended.model_version == job.model_version
    assert client.models.get("watched").latest_trained_version == ended.model_version
    assert client.training.get(job.id).latest == ended
    assert job.name in [update.name for update in client.training.list()]


def test_logs_and_metrics_are_read_from_any_offset(trained_with, shapes: Path) -> None:
    client = trained_with("quick")
    job = start(client, shapes)
    followed = "".join(job.logs(follow=True))
    assert followed
    assert "".join(job.logs(offset=5)) == followed.encode()[5:].decode()
    points = list(job.metrics(follow=True))
    assert list(job.metrics(offset=1)) == points[1:]


def test_a_failure_is_raised_with_the_jobs_reason(trained_with, shapes: Path) -> None:
    job = start(trained_with("refuse"), shapes)
    with pytest.raises(TrainingFailedError, match="framecast jobs logs") as caught:
        job.wait(timeout=30)
    assert job.latest.error is not None
    assert caught.value.reason == job.latest.error.reason


def test_a_cancelled_job_is_not_a_success(trained_with, shapes: Path) -> None:
    job = start(trained_with("endless"), shapes)
    until(lambda: job.refresh().state is JobState.RUNNING)
    with pytest.raises(DeadlineExceededError, match="goes on"):
        job.wait(timeout=0.1)
    job.cancel()
    with pytest.raises(CancelledError):
        job.wait(timeout=30)
    assert job.state is JobState.CANCELLED


def test_settings_that_are_wrong_are_named(trained_with, shapes: Path) -> None:
    client = trained_with("quick")
    with pytest.raises(InvalidArgumentError) as caught:
        start(client, shapes, batch_size=-1)
    assert "batch_size" in f"{caught.value.field} {caught.value.message}"
    with pytest.raises(InvalidArgumentError) as caught:
        client.training.start("to-train", architecture="yolov9000")
    assert "yolov9000" in caught.value.message
    with pytest.raises(NotFoundError):
        client.training.start("no-such-dataset", architecture="yolov5n")
    with pytest.raises(NotFoundError):
        client.training.get("no-such-job")
