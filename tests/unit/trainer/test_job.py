import math
from dataclasses import replace

import pytest

from framecast_trainer import job as jobs
from framecast_trainer.job import JobError, JobState, VersionState
from framecast_trainer.run_event import MetricTaken, ProgressMade, WarningGiven
from tests.unit.trainer.jobs import NOW, make_job

ERROR = JobError("InternalError", "WORKER_LOST", "gone")


def test_a_job_runs_and_succeeds() -> None:
    job = jobs.started(make_job(), NOW)
    assert (job.state, job.start_time) == (JobState.RUNNING, NOW)
    job = jobs.trained(job, "ab" * 32, {"mAP50": 0.5, "broken": math.nan})
    assert job.publishing
    assert job.progress.phase == "publishing"
    assert job.bundle_metrics == {"mAP50": 0.5}
    job = jobs.succeeded(job, NOW)
    assert (job.state, job.end_time, job.progress.fraction) == (JobState.SUCCEEDED, NOW, 1.0)
    assert job.settled


@pytest.mark.parametrize("end", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_has_ended_stays_as_it_is(end: JobState) -> None:
    job = replace(make_job(), state=end)
    assert jobs.started(job, NOW) == job
    assert jobs.trained(job, "ab", {}) == job
    assert jobs.succeeded(job, NOW) == job
    assert jobs.failed(job, ERROR, NOW) == job
    assert jobs.cancelled(job, NOW) == job
    assert jobs.cancel_requested(job, NOW) == job


def test_cancel_ends_a_queued_job_at_once_and_asks_a_running_one() -> None:
    assert jobs.cancel_requested(make_job(), NOW).state is JobState.CANCELLED
    running = jobs.cancel_requested(jobs.started(make_job(), NOW), NOW)
    assert running.cancel_requested
    assert running.state is JobState.RUNNING


def test_cancel_comes_too_late_for_a_trained_job() -> None:
    job = jobs.trained(jobs.started(make_job(), NOW), "ab", {})
    assert jobs.cancel_requested(job, NOW) == job


def test_the_fraction_never_falls_and_stays_in_range() -> None:
    job = jobs.observed(
        make_job(), [ProgressMade("training", fraction=0.7), ProgressMade("exporting", fraction=0.2)], 9
    )
    assert (job.progress.phase, job.progress.fraction, job.event_offset) == ("exporting", 0.7, 9)
    assert jobs.observed(job, [ProgressMade("training", fraction=7.0)], 10).progress.fraction == 1.0


def test_events_give_the_latest_metrics_and_each_warning_once() -> None:
    losses = [MetricTaken("loss", 2.0, 1, 0, 0.0), MetricTaken("loss", 1.0, 2, 0, 0.0)]
    job = jobs.observed(make_job(), [*losses, WarningGiven("random"), WarningGiven("random")], 1)
    assert job.metrics == {"loss": 1.0}
    assert job.warnings == ("random",)


@pytest.mark.parametrize(
    ("state", "version_state", "settled"),
    [
        (JobState.QUEUED, VersionState.UNKNOWN, False),
        (JobState.QUEUED, VersionState.CREATED, True),
        (JobState.RUNNING, VersionState.CREATED, False),
        (JobState.RUNNING, VersionState.TRAINING, True),
        (JobState.CANCELLED, VersionState.TRAINING, False),
        (JobState.CANCELLED, VersionState.FAILED, True),
    ],
)
def test_settled_says_whether_the_registry_is_up_to_date(
    state: JobState, version_state: VersionState, settled: bool
) -> None:
    assert make_job(state=state, version_state=version_state).settled is settled


def test_a_trained_job_is_not_settled_until_it_is_published() -> None:
    job = jobs.trained(make_job(state=JobState.RUNNING, version_state=VersionState.TRAINING), "ab", {})
    assert not job.settled
