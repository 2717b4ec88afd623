"""Batches across requests: full, fair, in turn, refused or dropped in time. Counts, never clocks."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from framecast.errors import CancelledError, DeadlineExceededError, InternalError, ResourceExhaustedError
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.batching.batch import BatchReport
from framecast_inference.batching.batcher import Batcher, BatchLimits, BatchStream, Pending, Priority
from tests.support.waiting import until


class Model:
    """Answers with the first value of each tensor as the width; holds runs up while `gate` is unset."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **limits: int | float) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[int]] = []
        self.reports: list[BatchReport] = []
        self.inside = 0
        self.most_inside = 0
        self.error: Exception | None = None
        self._lock = threading.Lock()
        self.batcher = Batcher(
            self._run,
            BatchLimits(**limits),  # type: ignore[arg-type]
            clock=clock,
            observe=self.reports.append,
        )

    @property
    def ran(self) -> list[int]:
        return [value for batch in self.batches for value in batch]

    def _run(
        self, tensors: np.ndarray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.inside, self.most_inside)
        self._hold()
        values = [int(value) for value in tensors[:, 0, 0, 0]]
        with self._lock:
            self.batches.append(values)
            self.inside -= 1
        if self.error is not None:
            raise self.error
        return [
            Prediction(width=value, height=each.max_detections) for value, each in zip(values, settings, strict=True)
        ]

    def _hold(self) -> None:
        assert self.gate.wait(30)


class SteppedModel(Model):
    """Ends one run for each `step`."""

    def __init__(self) -> None:
        self._steps = threading.Semaphore(0)
        # The clock stands still: on a busy machine bulk would have waited long enough to go first.
        super().__init__(max_batch=1, clock=lambda: 0.0)

    def step(self, count: int = 1) -> None:
        self._steps.release(count)

    def _hold(self) -> None:
        assert self._steps.acquire(timeout=30)

    def runs_before(self, late: BatchStream, others: BatchStream, count: int) -> int:
        """How many come before one picture of `late`, asked for when `count` of `others` wait or have a place."""
        filled = threading.Event()

        def ask_late() -> None:
            pending = submit(late, 100)
            filled.set()
            pending.result()

        calls = [lambda: submit(self.batcher.stream(), 999).result()]
        calls += [partial(lambda value: submit(others, value).result(), value) for value in range(count)]
        threads = [threading.Thread(target=call) for call in [*calls, ask_late]]
        for position, thread in enumerate(threads):
            thread.start()
            if position == 0:
                until(lambda: self.inside == 1)
            else:  # One has a place in the next batch, those behind it wait.
                until(partial(lambda waiting: self.batcher.queued == waiting, position - 1))
        self.step()
        assert filled.wait(30)
        self.step(count + 1)
        for thread in threads:
            thread.join()
        return self.ran.index(100)


def submit(stream: BatchStream, value: int, *, settings: Settings | None = None, size: int = 2) -> Pending:
    placement = Placement(size, size, size, size, 0, 0, size, size, 1.0, 1.0)
    with stream.place(size, size) as place:
        place.tensor[...] = value
        return place.commit(placement, settings or Settings())


class Occupied:
    """A model whose run is held up, so that whatever comes now must wait."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __enter__(self) -> None:
        self._model.gate.clear()
        self._thread = threading.Thread(target=lambda: submit(self._model.batcher.stream(), 999).result())
        self._thread.start()
        until(lambda: self._model.inside == 1)

    def __exit__(self, *_: object) -> None:
        self._model.gate.set()
        self._thread.join()


def in_threads(count: int, call: Callable[[int], int]) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_a_lone_request_is_run_by_the_one_who_waits() -> None:
    model = Model(max_batch=8)
    before = threading.active_count()
    assert submit(model.batcher.stream(), 7).result().width == 7
    assert threading.active_count() == before
    assert model.batches == [[7]]
    assert model.reports[0].pictures == 1


def test_requests_with_different_settings_share_full_batches() -> None:
    model = Model(max_batch=8)

    def answer(value: int) -> Prediction:
        return submit(model.batcher.stream(), value, settings=Settings(max_detections=value + 1)).result()

    occupied = Occupied(model)
    with occupied, ThreadPoolExecutor(64) as pool:
        futures = [pool.submit(answer, value) for value in range(64)]
        until(lambda: model.batcher.queued == 64 - 8)  # eight have a place in the batch that fills meanwhile
        model.gate.set()
        results = [future.result() for future in futures]
    assert [(result.width, result.height) for result in results] == [(value, value + 1) for value in range(64)]
    assert [len(batch) for batch in model.batches] == [1] + [8] * 8


def test_an_idle_model_waits_for_company_as_long_as_it_may() -> None:
    model = Model(max_batch=2, max_wait_s=30.0)
    assert in_threads(2, lambda value: submit(model.batcher.stream(), value).result().width) == [0, 1]
    assert len(model.batches) == 1
    alone = Model(max_batch=2, max_wait_s=0.01)
    assert submit(alone.batcher.stream(), 3).result().width == 3


def test_streams_take_turns_however_much_one_of_them_has() -> None:
    model = SteppedModel()
    assert model.runs_before(model.batcher.stream(), model.batcher.stream(), 10) <= 3


def test_interactive_goes_before_bulk() -> None:
    model = SteppedModel()
    bulk = model.batcher.stream(priority=Priority.BULK)
    # Behind the one that ran and the one that had its place.
    assert model.runs_before(model.batcher.stream(), bulk, 5) <= 2


def test_bulk_that_has_waited_long_goes_first() -> None:
    now = [0.0]
    batcher = Batcher(lambda *_: [Prediction(width=1, height=1)], BatchLimits(max_batch=1), clock=lambda: now[0])
    first = batcher.stream()
    order: list[str] = []

    def claim(name: str, stream: BatchStream) -> None:
        with stream.place(2, 2):
            order.append(name)

    with first.place(2, 2):
        with first.place(2, 2):  # two batches are alive: no more room
            bulk = threading.Thread(target=claim, args=("bulk", batcher.stream(priority=Priority.BULK)))
            bulk.start()
            until(lambda: batcher.queued == 1)
            now[0] = 10.0
            interactive = threading.Thread(target=claim, args=("interactive", batcher.stream()))
            interactive.start()
            until(lambda: batcher.queued == 2)
        bulk.join()
        interactive.join()
    assert order == ["bulk", "interactive"]


def test_a_request_beyond_the_queue_is_refused_and_a_stream_waits() -> None:
    model = Model(max_batch=1, queue_size=2)
    with Occupied(model):
        threads = [threading.Thread(target=lambda v=v: submit(model.batcher.stream(), v).result()) for v in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: model.batcher.queued == 2)
        with pytest.raises(ResourceExhaustedError, match="2 pictures wait") as refused:
            submit(model.batcher.stream(refusable=True), 100)
        assert refused.value.reason == "QUEUE_FULL"
        patient = threading.Thread(target=lambda: submit(model.batcher.stream(), 4).result())
        patient.start()
        until(lambda: model.batcher.queued == 3)
    for thread in [*threads, patient]:
        thread.join()
    assert sorted(model.ran) == [0, 1, 2, 4, 999]


def test_a_deadline_that_passes_in_the_queue_costs_no_compute() -> None:
    model = Model(max_batch=4)
    with Occupied(model):
        soon = model.batcher.stream(deadline=time.monotonic() + 0.05)
        pendings = [submit(soon, 1), submit(model.batcher.stream(), 2)]  # both have places in the next batch
        with pytest.raises(DeadlineExceededError):
            pendings[0].result()
        full = [submit(model.batcher.stream(), value) for value in (3, 4)]  # which is full now
        late = model.batcher.stream(deadline=time.monotonic() + 0.05)
        with pytest.raises(DeadlineExceededError):
            submit(late, 5)
        with pytest.raises(DeadlineExceededError):
            submit(model.batcher.stream(deadline=time.monotonic() - 1), 6)
    assert [pending.result().width for pending in [pendings[1], *full]] == [2, 3, 4]
    assert model.ran == [999, 2, 3, 4]
    assert model.batcher.queued == 0


def test_cancelling_drops_what_does_not_run_yet() -> None:
    model = Model(max_batch=2)
    with Occupied(model):
        stream = model.batcher.stream()
        pendings = [submit(stream, 1), submit(stream, 2)]
        raised: list[BaseException] = []

        def wait(call: Callable[[], object]) -> threading.Thread:
            def run() -> None:
                try:
                    call()
                except CancelledError as error:
                    raised.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            return thread

        waiting = [wait(pendings[0].result), wait(lambda: submit(stream, 3))]
        until(lambda: model.batcher.queued == 1)
        stream.cancel()
        for thread in waiting:
            thread.join()
        assert len(raised) == 2
        with pytest.raises(CancelledError):
            pendings[1].result()
        with pytest.raises(CancelledError):
            submit(stream, 4)
    assert submit(model.batcher.stream(), 5).result().width == 5
    assert model.ran == [999, 5]


def test_a_place_that_is_not_filled_is_given_back() -> None:
    model = Model(max_batch=1)
    for _ in range(5):
        with pytest.raises(RuntimeError, match="no picture"), model.batcher.stream().place(2, 2):
            raise RuntimeError("no picture")
    assert submit(model.batcher.stream(), 1).result().width == 1


def test_results_that_nobody_reads_hold_nobody_up() -> None:
    model = Model(max_batch=1)
    slow = model.batcher.stream()
    unread = [submit(slow, 1), submit(slow, 2)]  # all the room there is
    fast = model.batcher.stream()
    assert [submit(fast, value).result().width for value in range(10, 20)] == list(range(10, 20))
    assert [pending.result().width for pending in unread] == [1, 2]


def test_tensors_of_different_sizes_do_not_share_a_batch() -> None:
    model = Model(max_batch=4)
    with Occupied(model):
        futures = [
            threading.Thread(target=lambda v=v: submit(model.batcher.stream(), v, size=2 + v % 2).result())
            for v in range(8)
        ]
        for thread in futures:
            thread.start()
        time.sleep(0.05)
    for thread in futures:
        thread.join()
    assert sorted(model.ran) == [*range(8), 999]
    assert all(len({value % 2 for value in batch}) == 1 for batch in model.batches)


def test_an_error_of_the_model_reaches_everyone_in_the_batch_and_nobody_else() -> None:
    model = Model(max_batch=2)
    model.error = InternalError("out of memory", reason="DEVICE")
    stream = model.batcher.stream()
    pendings = [submit(stream, value) for value in (1, 2)]
    for pending in pendings:
        with pytest.raises(InternalError, match="out of memory") as raised:
            pending.result()
        assert raised.value.reason == "DEVICE"
    model.error = None
    assert submit(stream, 3).result().width == 3


def test_several_batches_may_run_at_once() -> None:
    model = Model(max_batch=1, max_running=2)
    model.gate.clear()
    threads = [threading.Thread(target=lambda v=v: submit(model.batcher.stream(), v).result()) for v in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: model.inside == 2)
    time.sleep(0.05)
    assert model.most_inside == 2
    model.gate.set()
    for thread in threads:
        thread.join()
    assert sorted(model.ran) == list(range(5))
    assert model.most_inside == 2


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_or_mixed_up_in_a_crowd(seed: int) -> None:
    """Streams of all kinds come, read late, are cancelled, run out of time: every other result is right."""
    shape = random.Random(seed)
    model = Model(
        max_batch=shape.choice([1, 3, 8]),
        max_running=shape.choice([1, 2]),
        max_wait_s=shape.choice([0.0, 0.001]),
        queue_size=10_000,
    )
    right, gone = [0] * 24, [0] * 24

    def stream(number: int) -> int:
        chance = random.Random(seed * 1000 + number)
        own = model.batcher.stream(
            priority=chance.choice(list(Priority)),
            deadline=time.monotonic() + (chance.uniform(0, 0.2) if chance.random() < 0.3 else 60),
        )
        waiting: list[tuple[int, Pending]] = []
        try:
            for picture in range(60):
                value = number * 100 + picture
                waiting.append((value, submit(own, value, size=chance.choice([2, 2, 3]))))
                if chance.random() < 0.01:
                    own.cancel()
                while len(waiting) > chance.randrange(4):
                    expected, pending = waiting.pop(0)
                    assert pending.result().width == expected
                    right[number] += 1
        except (CancelledError, DeadlineExceededError):
            gone[number] += 1
        return number

    in_threads(24, stream)
    assert sum(right) > 300
    assert model.batcher.queued == 0
    assert not model.batcher._batches or all(not batch.unfilled for batch in model.batcher._batches)
    assert submit(model.batcher.stream(), 9999).result().width == 9999  # the room that the others had is free again
    assert len(set(model.ran)) == len(model.ran)
