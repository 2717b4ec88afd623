"""Inference jobs: each frame exactly once, whatever happens to the replicas that work on them."""

import contextlib
import dataclasses
import random

import pytest
from google.rpc.status_pb2 import Status

from framecast.errors import DataLossError, OutOfRangeError
from framecast.status import from_status
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs import result_parts
from framecast_inference.jobs.job import InferenceJob, JobState, LeaseLostError
from framecast_inference.jobs.job_streams import JobStreams
from framecast_runtime.changes import Changes
from tests.support.waiting import until
from tests.unit.inference.job_bench import NOW, Bench, MortalStore, Replica, parsed


def undisturbed(frames: int) -> bytes:
    bench = Bench(frames)
    bench.add()
    bench.replica("a").work()
    assert bench.job().state is JobState.SUCCEEDED
    return bench.read()


def test_a_job_has_one_result_for_each_frame_and_counts_those_that_failed() -> None:
    bench = Bench(100)
    bench.add()
    replica = bench.replica("a", flush_s=60.0)
    replica.work()
    job = bench.job()
    assert job.state is JobState.SUCCEEDED
    assert (job.progress.frames_done, job.progress.total_frames, job.progress.failed_frames) == (100, 100, 14)
    assert (job.start_time, job.end_time, job.lease.owner) == (NOW, NOW, "")
    results = parsed(bench.read())
    assert [result.frame_index for result in results] == list(range(100))
    assert [result.frame_index for result in results if result.HasField("error")] == list(range(6, 100, 7))
    assert len(bench.read()) == job.progress.result_bytes
    assert replica.runner.ran == 86


@pytest.mark.parametrize("limit", ["MOST_RESULTS", "MOST_BYTES"])
def test_parts_are_bounded(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    whole = undisturbed(100)
    monkeypatch.setattr(result_parts, limit, 8 if limit == "MOST_RESULTS" else 100)
    bench = Bench(100)
    bench.add()
    bench.replica("a", flush_s=60.0).work()
    parts = bench.store.parts(bench.job(), position=0, limit=1000)
    assert len(parts) >= 5
    if limit == "MOST_RESULTS":
        assert [part.count for part in parts] == [8] * 12 + [4]
    assert bench.read() == whole


def test_results_can_be_read_from_any_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_parts, "MOST_RESULTS", 8)
    bench = Bench(30)
    bench.add()
    bench.replica("a", flush_s=60.0).work()
    whole = bench.read()
    for position in range(31):
        rest = bench.read(position)
        assert whole.endswith(rest)
        assert [result.frame_index for result in parsed(rest)] == list(range(position, 30))
    with pytest.raises(OutOfRangeError) as refused:
        bench.read(31)
    assert refused.value.metadata["results"] == "30"


def test_damaged_results_are_told() -> None:
    bench = Bench(10)
    bench.add()
    bench.replica("a", flush_s=60.0).work()
    (path,) = bench.paths()
    bench.objects.put(path, b"other bytes")
    with pytest.raises(DataLossError, match="job-1"):
        bench.read()


def test_replicas_that_vanish_anywhere_lose_nothing_and_repeat_nothing() -> None:
    """Each is cut off from the rows at a random moment, as a killed one is; the next takes over."""
    whole = undisturbed(100)
    chance = random.Random(5)
    lost = 0
    for _ in range(10):
        bench = Bench(100)
        bench.add()
        while not bench.job().state.ended:
            store = MortalStore(bench.store, changes=chance.randrange(60))
            replica = Replica("r", store, bench.objects, bench.frames, flush_s=chance.choice([0.0, 0.0, 60.0]))
            with contextlib.suppress(LeaseLostError):
                replica.scheduler.look()  # sees the lease of the one before
                replica.time += 11
                replica.scheduler.look()
            replica.wait()
            lost += store.dead
            if not bench.job().state.ended:  # one that came to nothing is no reason to give up here
                bench.store.update(bench.job(), lambda job: dataclasses.replace(job, attempts=0))
        assert bench.job().state is JobState.SUCCEEDED
        assert bench.read() == whole
    assert lost > 10


def test_of_two_replicas_one_runs_the_job() -> None:
    bench = Bench(50)
    bench.add()
    one, other = bench.replica("a"), bench.replica("b")
    one.runner.gate.clear()
    one.scheduler.look()
    for _ in range(5):
        other.time += 3  # more than a lease in all, but the owner shows signs of life
        one.scheduler.look()
        other.scheduler.look()
    assert other.runs == []
    one.runner.gate.set()
    one.wait()
    assert bench.job().state is JobState.SUCCEEDED
    assert bench.frames.asked_from == [0]


def test_a_replica_without_a_sign_of_life_loses_its_job_and_what_it_still_does_is_refused() -> None:
    whole = undisturbed(50)
    bench = Bench(50)
    bench.add()
    slow, quick = bench.replica("slow"), bench.replica("quick")
    slow.runner.gate.clear()
    slow.scheduler.look()
    quick.scheduler.look()
    quick.time = 9.9
    quick.scheduler.look()
    assert quick.runs == []
    quick.time = 10.0
    quick.work()
    assert bench.job().state is JobState.SUCCEEDED
    slow.runner.gate.set()
    slow.wait()
    assert bench.read() == whole
    assert bench.job().lease.owner == ""


def test_a_stopped_replica_keeps_what_it_computed_and_leaves_the_rest_at_once() -> None:
    whole = undisturbed(100)
    bench = Bench(100)
    bench.add()
    first = bench.replica("first", flush_s=60.0)
    ran = first.runner.infer

    def hold_at_40(*arguments):
        if first.runner.ran >= 40:
            first.scheduler._running[1].run.stop.ask()
        return ran(*arguments)

    first.runner.infer = hold_at_40  # type: ignore[method-assign]
    first.work()
    job = bench.job()
    assert (job.state, job.lease.owner, job.progress.phase) == (JobState.RUNNING, "", "queued")
    assert 20 < job.progress.frames_done < 60
    second = bench.replica("second")
    second.work()  # no lease to wait for
    assert bench.frames.asked_from == [0, job.progress.frames_done]
    assert bench.read() == whole


def test_what_may_pass_is_waited_for_longer_each_time() -> None:
    whole = undisturbed(100)
    bench = Bench(100)
    bench.add()
    bench.frames.away_at = 41
    replica = bench.replica("a")
    replica.work()
    job = bench.job()
    assert (job.state, job.progress.frames_done) == (JobState.RUNNING, 41)
    assert "the object store is away" in job.progress.phase
    for replica.time in (0.0, 0.9):
        replica.work()
        assert len(replica.runs) == 1
    replica.time = 1.0
    replica.work()
    assert bench.job().state is JobState.SUCCEEDED
    assert bench.read() == whole


def test_a_job_that_ends_the_process_again_and_again_fails() -> None:
    bench = Bench(10)
    bench.add(attempts=jobs.MOST_ATTEMPTS - 1)
    replica = bench.replica("a")
    replica.runner.gate.clear()
    replica.scheduler.look()
    assert bench.job().state is JobState.RUNNING
    other = bench.replica("b")
    other.scheduler.look()
    other.time = 10
    other.work()
    job = bench.job()
    assert job.state is JobState.FAILED
    assert from_status(Status.FromString(job.error)).reason == "WORKER_LOST"
    replica.runner.gate.set()
    replica.wait()
    assert bench.job() == job


def test_cancelling_keeps_what_there_is_and_stops_the_rest() -> None:
    bench = Bench(1000)
    bench.add()
    replica = bench.replica("a", flush_s=60.0)
    infer = replica.runner.infer

    def cancel_at_100(*arguments):
        if replica.runner.ran == 100:
            bench.store.update(bench.job(), lambda job: jobs.cancel_requested(job, NOW))
            replica.scheduler.look()
        return infer(*arguments)

    replica.runner.infer = cancel_at_100  # type: ignore[method-assign]
    replica.work()
    job = bench.job()
    assert job.state is JobState.CANCELLED
    assert 80 < job.progress.frames_done < 130
    assert replica.runner.ran < 130
    assert len(parsed(bench.read())) == job.progress.frames_done


def test_a_job_that_nobody_works_on_is_cancelled_at_once() -> None:
    bench = Bench()
    queued = bench.store.update(bench.add(), lambda job: jobs.cancel_requested(job, NOW))
    assert (queued.state, queued.end_time) == (JobState.CANCELLED, NOW)
    replica = bench.replica("a")
    replica.work()
    assert replica.runs == []


def test_no_more_jobs_run_than_may_and_the_oldest_first() -> None:
    bench = Bench(10)
    for number in range(3):
        bench.add(f"job-{number}")
    replica = bench.replica("a", max_running=2)
    replica.runner.gate.clear()
    replica.scheduler.look()
    replica.scheduler.look()
    assert [run.job.id for run in replica.runs] == ["job-0", "job-1"]
    replica.runner.gate.set()
    replica.wait()
    replica.work()
    assert [run.job.id for run in replica.runs] == ["job-0", "job-1", "job-2"]
    idle = bench.replica("b", max_running=0)
    bench.add("job-3")
    idle.work()
    assert idle.runs == []


def test_a_model_that_changed_fails_the_job() -> None:
    bench = Bench(10)
    bench.add(bundle_sha256="1" * 64)
    bench.replica("a").work()
    assert from_status(Status.FromString(bench.job().error)).reason == "MODEL_CHANGED"


def test_a_defect_fails_the_job_without_telling_its_text() -> None:
    bench = Bench(10)
    bench.add()
    replica = bench.replica("a")

    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    replica.runner.infer = broken  # type: ignore[assignment,method-assign]
    replica.work()
    error = from_status(Status.FromString(bench.job().error))
    assert (bench.job().state, error.reason) == (JobState.FAILED, "INTERNAL")
    assert "secret" not in error.message


def test_predictions_are_recorded_once_all_are_there() -> None:
    bench = Bench(10)
    bench.add(record_predictions=True)
    bench.replica("a").work()
    assert (bench.job().state, bench.job().prediction_set) == (JobState.SUCCEEDED, "predictions of job-1")


def test_deleted_jobs_vanish_with_everything_they_stored() -> None:
    bench = Bench(10)
    job = bench.add(request_id="r")
    replica = bench.replica("a")
    replica.work()
    bench.objects.put("inference-jobs/demo/job-1/00000009-lost", b"of a replica that was cut off")
    bench.objects.put("inference-jobs/demo/job-10/00000000-other", b"of another job")
    bench.store.update(job, jobs.deleted)
    assert bench.store.page("demo", size=9, before=None) == []
    replica.work()
    assert bench.paths() == ["inference-jobs/demo/job-10/00000000-other"]
    assert bench.store.unfinished() == []


def test_a_follower_gets_everything_as_it_comes() -> None:
    bench = Bench(60)
    bench.add()
    replica = bench.replica("a", flush_s=0.0)
    streams = JobStreams(bench.store, bench.objects, replica.changes)
    following = streams.results("demo", "job-1", 0, follow=True, wanted=lambda: True)
    replica.runner.gate.clear()
    replica.scheduler.look()
    replica.runner.gate.set()
    got = [result.frame_index for _, data in following for result in parsed(data)]
    assert got == list(range(60))
    replica.wait()


def test_a_watcher_is_told_of_changes_but_not_of_signs_of_life() -> None:
    bench = Bench(20)
    bench.add()
    replica = bench.replica("a", flush_s=60.0)
    told: list[InferenceJob] = []
    streams = JobStreams(bench.store, bench.objects, replica.changes, interval_s=0.0)
    watching = streams.watch("demo", "job-1", lambda: True)
    told.append(next(watching))
    replica.runner.gate.clear()
    replica.scheduler.look()
    until(lambda: bench.job().progress.phase == "predicting")
    for _ in range(5):
        replica.scheduler.look()
    beats = bench.job().lease.beat
    assert beats >= 6
    replica.runner.gate.set()
    replica.wait()
    told += watching
    assert told[0].state is JobState.QUEUED
    assert told[-1].state is JobState.SUCCEEDED
    assert len({(job.state, job.progress) for job in told}) == len(told)


def test_who_follows_a_service_that_stops_is_sent_away() -> None:
    bench = Bench(10)
    bench.add()
    changes = Changes()
    streams = JobStreams(bench.store, bench.objects, changes)
    changes.close()
    for stream in (
        streams.watch("demo", "job-1", lambda: True),
        streams.results("demo", "job-1", 0, follow=True, wanted=lambda: True),
    ):
        with pytest.raises(Exception, match="stopping"):
            list(stream)
