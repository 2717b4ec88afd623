"""Results of a job that is done become predictions of its dataset version: once, whole, in parts of a bounded size."""

import dataclasses
import itertools
from collections.abc import Sequence

import pytest

from framecast.errors import UnavailableError
from framecast.v1.dataset_pb2 import SUBSET_TEST
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.prediction_set_pb2 import PredictionPart, PredictionSet
from framecast_inference.adapters.stored_blobs import StoredBlobs
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs import recording
from framecast_inference.jobs.job import InferenceJob, JobState, Lease
from framecast_inference.jobs.recording import Recording
from tests.unit.inference.job_bench import NOW, Bench, Replica, parsed

DATASET = "projects/demo/datasets/cars/versions/1"


class Ledger:
    """A registry's predictions, by their request id; it can be away, before or after it took a set in."""

    def __init__(self) -> None:
        self.sets: dict[str, tuple[PredictionSet, list[PredictionPart]]] = {}
        self.calls = 0
        self.breaks: list[str] = []
        """What goes wrong with the next calls: `before`, `after`."""

    def add_prediction_set(
        self, dataset_version: str, set_id: str, made: PredictionSet, parts: Sequence[PredictionPart]
    ) -> str:
        self.calls += 1
        trouble = self.breaks.pop(0) if self.breaks else ""
        if trouble == "before":
            raise UnavailableError("the registry is away")
        earlier = self.sets.setdefault(set_id, (made, list(parts)))
        assert earlier == (made, list(parts))
        if trouble == "after":
            raise UnavailableError("the answer was lost")
        return f"{dataset_version}/predictionSets/{set_id}"


class RecordingBench(Bench):
    def __init__(self, frames: int) -> None:
        super().__init__(frames)
        self.ledger = Ledger()
        self.blobs = StoredBlobs(self.objects, None)  # type: ignore[arg-type]
        self.recording = Recording(self.store, self.objects, self.blobs, self.ledger)

    def replica(self, owner: str, **options: object) -> Replica:
        return super().replica(owner, record=self.recording.record, **options)

    def start(self) -> None:
        self.add(dataset_version=DATASET, record_predictions=True)

    def recorded(self) -> bytes:
        (_, parts) = self.ledger.sets["job-1"]
        return b"".join(self.blobs.read(part.sha256) for part in parts)


def test_what_is_recorded_is_what_the_job_found() -> None:
    bench = RecordingBench(30)
    bench.start()
    bench.replica("a", flush_s=0.0).work()
    job = bench.job()
    assert (job.state, job.prediction_set) == (JobState.SUCCEEDED, f"{DATASET}/predictionSets/job-1")
    assert bench.recorded() == bench.read()
    assert job.part_count > 10
    ((_, parts),) = bench.ledger.sets.values()  # small parts are joined
    assert [(part.result_count, part.failed_count, part.size_bytes) for part in parts] == [(30, 4, len(bench.read()))]


def test_a_set_says_where_it_comes_from() -> None:
    bench = RecordingBench(3)
    spec = JobSpec(subset=SUBSET_TEST, settings=InferenceSettings(confidence_threshold=0.5))
    bench.start()
    bench.replica("a").work()
    bench.ledger.sets.clear()
    bench.recording.record(bench.job(), spec, lambda: True)
    ((made, _),) = bench.ledger.sets.values()
    assert made == PredictionSet(
        model_version="projects/demo/models/m/versions/1",
        bundle_sha256="0" * 64,
        subset=SUBSET_TEST,
        settings=spec.settings,
        inference_job="projects/demo/inferenceJobs/job-1",
    )


@pytest.mark.parametrize(("limit", "most"), [("MOST_RESULTS", 8), ("MOST_BYTES", 300)])
def test_parts_are_bounded(monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    monkeypatch.setattr(recording, limit, most)
    bench = RecordingBench(50)
    bench.start()
    bench.replica("a", flush_s=0.0).work()
    ((_, parts),) = bench.ledger.sets.values()
    sizes = [part.result_count if limit == "MOST_RESULTS" else part.size_bytes for part in parts]
    assert len(parts) > 3
    assert max(sizes) <= most
    assert all(one + other > most for one, other in itertools.pairwise(sizes))  # none is smaller than need be
    assert bench.recorded() == bench.read()


@pytest.mark.parametrize("breaks", [["before"], ["after"], ["before", "after", "after"]])
def test_a_recording_that_broke_off_goes_on_and_records_once(breaks: list[str]) -> None:
    bench = RecordingBench(20)
    bench.start()
    bench.ledger.breaks = list(breaks)
    for attempt in range(len(breaks) + 1):
        assert not bench.job().state.ended
        bench.replica(f"replica-{attempt}").work()
    assert bench.job().state is JobState.SUCCEEDED
    assert (bench.ledger.calls, len(bench.ledger.sets)) == (len(breaks) + 1, 1)
    assert bench.frames.given == 20  # nothing is predicted again
    assert bench.recorded() == bench.read()


def test_a_replica_that_is_killed_while_it_records_is_taken_over() -> None:
    bench = RecordingBench(20)
    bench.start()
    first = bench.replica("first")
    first.work()
    bench.store.update(  # as the row was when the process ended, right behind the registry's answer
        bench.job(), lambda job: jobs.claimed(job_reopened(job), Lease("", job.lease.beat), "first", NOW)
    )
    second = bench.replica("second")
    second.scheduler.look()
    second.time += 11
    second.work()
    assert bench.job().state is JobState.SUCCEEDED
    assert bench.job().prediction_set == f"{DATASET}/predictionSets/job-1"
    assert (bench.ledger.calls, len(bench.ledger.sets)) == (2, 1)


def test_a_job_that_is_cancelled_while_it_records_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_RESULTS", 4)
    bench = RecordingBench(20)
    bench.start()
    replica = bench.replica("a", flush_s=0.0)
    write = bench.blobs.write

    def cancel_at_first(data: bytes) -> str:
        bench.store.update(bench.job(), lambda job: jobs.cancel_requested(job, NOW))
        replica.scheduler.look()
        return write(data)

    monkeypatch.setattr(bench.blobs, "write", cancel_at_first)
    replica.work()
    assert (bench.job().state, bench.ledger.calls) == (JobState.CANCELLED, 0)
    assert len(parsed(bench.read())) == 20


def job_reopened(job: InferenceJob) -> InferenceJob:
    return dataclasses.replace(job, state=JobState.RUNNING, prediction_set="", end_time=None)
