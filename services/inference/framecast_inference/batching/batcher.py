"""Gathers what all requests want of one model into batches, and lets those who wait do the work.

There is no thread of its own: whoever waits for a place or a result runs the batch that is due, and so a lone
request pays for no handing over. Pictures are prepared straight into their place in the batch's tensor.
"""

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from framecast.errors import CancelledError, DeadlineExceededError, InternalError, ResourceExhaustedError
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.batching.batch import Batch, BatchReport, Entry, FloatArray, Size
from framecast_inference.error_copy import copy_of

RunBatch = Callable[[FloatArray, Sequence[Placement], Sequence[Settings]], list[Prediction]]
"""Tensors [B, 3, height, width] → predictions [B]. Calls may come from several threads at once."""

_BULK_PATIENCE_S = 2.0
"""A stream of bulk work that has waited so long goes before interactive work, so that it never starves."""
_LONGEST_WAIT_S = 3600.0
"""Callers without a deadline may name one that no clock can wait for; looking again in an hour is cheap."""


class Priority(IntEnum):
    """Who goes first where places are scarce; the lower number."""

    INTERACTIVE = 0
    BULK = 1


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How batches are gathered."""

    max_batch: int = 8
    """Pictures of one run."""
    max_wait_s: float = 0.0
    """How long the first picture of a batch waits for company while the model is idle."""
    max_running: int = 1
    """Batches that run at the same time; one more is filled meanwhile."""
    queue_size: int = 256
    """Pictures of requests that may wait for a place; more are refused. Streams wait without a limit."""


@dataclass(order=True)
class _Claim:
    """A stream's wish for a place, in the order of turns."""

    turn: float
    arrival: int
    since: float = field(compare=False)
    size: Size = field(compare=False)
    stream: "BatchStream" = field(compare=False)
    changed: threading.Condition = field(compare=False)
    entry: Entry | None = field(default=None, compare=False)
    gone: bool = field(default=False, compare=False)


def plain_memory(shape: tuple[int, ...]) -> FloatArray:
    """float32 of a shape, its values undefined."""
    return np.empty(shape, np.float32)


class Batcher:
    """One model's batches. Safe from any number of threads.

    Within a priority, streams take turns, however many pictures each of them has. A result does not depend on its
    neighbours in a batch, nor on their settings.
    """

    def __init__(
        self,
        run: RunBatch,
        limits: BatchLimits,
        *,
        observe: Callable[[BatchReport], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        allocate: Callable[[tuple[int, ...]], FloatArray] = plain_memory,
    ) -> None:
        """`observe` is told of each run before its results are handed out; it must not raise. `allocate` gives memory
        of a shape, its values undefined, that the model reads fast."""
        self._run_batch = run
        self._allocate = allocate
        self.limits = limits
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[Priority, list[_Claim]] = {priority: [] for priority in Priority}
        self._arrivals = itertools.count()
        self._turn = 0.0
        self._claims = 0
        self._waiting: dict[threading.Condition, None] = {}
        self._batches: list[Batch] = []
        self._open: Batch | None = None
        self._running = 0
        self._buffers: list[FloatArray] = []

    def stream(
        self, *, priority: Priority = Priority.INTERACTIVE, deadline: float = math.inf, refusable: bool = False
    ) -> "BatchStream":
        """A request's way in. `deadline` is a time of the clock; a refusable one is refused where too many wait."""
        return BatchStream(self, priority, deadline, refusable)

    @property
    def queued(self) -> int:
        """Pictures that wait for a place."""
        return self._claims

    def adopt(self, buffer: FloatArray) -> None:
        """Lets one of the next batches be filled in this memory, [max_batch, 3, height, width] of `allocate`."""
        with self._lock:
            self._buffers.append(buffer)

    def close(self) -> None:
        """Frees the buffers; nothing may run or wait."""
        with self._lock:
            self._buffers.clear()

    # Everything below is the streams' and runs with the lock held unless it says otherwise.

    def _claim(self, stream: "BatchStream", size: Size) -> Entry:
        """Waits for a place; takes the lock itself."""
        with self._lock:
            now = self._check(stream)
            if stream.refusable and self._claims >= self.limits.queue_size:
                raise ResourceExhaustedError(
                    f"{self.limits.queue_size} pictures wait for this model already; try again in a while",
                    reason="QUEUE_FULL",
                    queue_size=self.limits.queue_size,
                )
            stream.turn = max(stream.turn + 1, self._turn)
            changed = threading.Condition(self._lock)
            claim = _Claim(stream.turn, next(self._arrivals), now, size, stream, changed)
            heapq.heappush(self._lines[stream.priority], claim)
            self._claims += 1
            self._grant()
            try:
                while claim.entry is None:
                    self._check(stream)
                    self._help_or_wait(claim.changed, stream)
                self._check(stream)
            except BaseException:
                claim.gone = True
                if claim.entry is not None:
                    self._abandon(claim.entry)
                else:
                    self._claims -= 1
                raise
            finally:
                self._wake()  # One who was got up to run a batch may leave instead; then it is somebody else's.
            return claim.entry

    def _commit(self, entry: Entry, placement: Placement, settings: Settings) -> None:
        with self._lock:
            entry.placement = placement
            entry.settings = settings
            entry.batch.unfilled -= 1
            entry.stream.entries.add(entry)
            self._wake()

    def _abandon(self, entry: Entry) -> None:
        entry.batch.unfilled -= 1
        self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        entry.dropped = True
        entry.stream.entries.discard(entry)
        if entry.batch.is_forsaken():
            self._retire(entry.batch)
            self._grant()
        else:
            self._wake()

    def _result(self, entry: Entry) -> Prediction:
        """Waits for a result; takes the lock itself."""
        with self._lock:
            try:
                while not entry.done:
                    self._check(entry.stream)
                    entry.waiting = True
                    self._help_or_wait(entry.changed, entry.stream)
                    entry.waiting = False
            except BaseException:
                entry.waiting = False
                if not entry.done:
                    self._drop(entry)
                raise
            finally:
                self._wake()
        if isinstance(entry.outcome, BaseException):
            raise copy_of(entry.outcome)
        assert entry.outcome is not None
        return entry.outcome

    def _cancel(self, stream: "BatchStream") -> None:
        """Takes the lock itself."""
        with self._lock:
            stream.cancelled = True
            for changed in stream.waiting:
                changed.notify_all()
            for entry in list(stream.entries):
                if not entry.batch.started:
                    self._drop(entry)

    def _check(self, stream: "BatchStream") -> float:
        now = self._clock()
        if stream.cancelled:
            raise CancelledError("the caller gave the call up")
        if now >= stream.deadline:
            raise DeadlineExceededError("the time was over before the model was free", reason="QUEUE_DEADLINE")
        return now

    def _help_or_wait(self, changed: threading.Condition, stream: "BatchStream") -> None:
        now = self._clock()
        batch = self._due(now)
        if batch is not None:
            self._run(batch)
            return
        until = stream.deadline
        if self._running < self.limits.max_running:
            ends = [b.opened + self.limits.max_wait_s for b in self._batches if not b.started and not b.unfilled]
            until = min([until, *ends])
        self._waiting[changed] = None
        stream.waiting.add(changed)
        try:
            changed.wait(min(max(0.0, until - now), _LONGEST_WAIT_S))
        finally:
            self._waiting.pop(changed, None)
            stream.waiting.discard(changed)

    def _due(self, now: float) -> Batch | None:
        if self._running >= self.limits.max_running:
            return None
        return next((batch for batch in self._batches if batch.is_due(now, self.limits.max_wait_s)), None)

    def _wake(self) -> None:
        """Gets somebody up for every batch that can be run, or whose waiting time must be looked at again."""
        if self._running >= self.limits.max_running:
            return
        now = self._clock()
        for batch in self._batches:
            if batch.started or batch.unfilled:
                continue
            mine = next((entry.changed for entry in batch.entries if entry.waiting), None)
            if mine is not None:
                mine.notify()
            elif batch.is_due(now, self.limits.max_wait_s) and self._waiting:
                helper = next(iter(self._waiting))
                del self._waiting[helper]
                helper.notify()

    def _grant(self) -> None:
        """Gives places to those who wait, as long as there are any."""
        while (claim := self._next_claim()) is not None:
            if self._open is not None and self._open.size != claim.size:
                self._open.closed = True
                self._open = None
            if self._open is None:
                if len(self._batches) > self.limits.max_running:
                    break
                self._open = Batch(self._buffer(claim.size), self._clock())
                self._batches.append(self._open)
            heapq.heappop(self._lines[claim.stream.priority])
            self._claims -= 1
            self._turn = max(self._turn, claim.turn)
            claim.entry = self._open.add(claim.stream, claim.changed, claim.since)
            if self._open.closed:
                self._open = None
            claim.changed.notify()
        self._wake()

    def _next_claim(self) -> _Claim | None:
        """The claim whose turn it is; it stays in its line."""
        heads: dict[Priority, _Claim] = {}
        for priority, line in self._lines.items():
            while line and line[0].gone:
                heapq.heappop(line)
            if line:
                heads[priority] = line[0]
        bulk = heads.get(Priority.BULK)
        if bulk is not None and self._clock() - bulk.since > _BULK_PATIENCE_S:
            return bulk
        return heads.get(Priority.INTERACTIVE, bulk)

    def _run(self, batch: Batch) -> None:
        """Runs a batch that is due; lets go of the lock meanwhile."""
        batch.started = batch.closed = True
        if self._open is batch:
            self._open = None
        started = self._clock()
        live = batch.take_live(started)
        for entry in batch.entries:
            if not entry.is_live(started) and not entry.dropped:  # its time is over: whoever waits is told so
                entry.dropped = True
                entry.stream.entries.discard(entry)
                entry.changed.notify()
        if not live:
            self._retire(batch)
            self._grant()
            return
        self._running += 1
        self._grant()
        outcomes: Sequence[Prediction | BaseException]
        failed = False
        self._lock.release()
        try:
            outcomes = self._run_batch(
                batch.tensors[: len(live)],
                [entry.placement for entry in live if entry.placement is not None],
                [entry.settings for entry in live if entry.settings is not None],
            )
            if len(outcomes) != len(live):
                raise InternalError(f"the model gave {len(outcomes)} predictions for {len(live)} pictures")
        except BaseException as error:
            outcomes = [error] * len(live)
            failed = True
            if not isinstance(error, Exception):
                raise
        finally:
            report = BatchReport([started - entry.since for entry in live], started, self._clock(), failed)
            self._observe(report)
            self._lock.acquire()
            for entry, outcome in zip(live, outcomes, strict=True):
                entry.outcome = outcome
                entry.report = report
                entry.done = True
                entry.stream.entries.discard(entry)
                entry.changed.notify()
            self._running -= 1
            self._retire(batch)
            self._grant()

    def _retire(self, batch: Batch) -> None:
        if self._open is batch:
            self._open = None
        batch.started = True
        self._batches.remove(batch)
        self._buffers.append(batch.tensors)
        del self._buffers[: -(self.limits.max_running + 1)]

    def _buffer(self, size: Size) -> FloatArray:
        for position, buffer in enumerate(self._buffers):
            if buffer.shape[2:] == size:
                return self._buffers.pop(position)
        return self._allocate((self.limits.max_batch, 3, *size))


class BatchStream:
    """A request's pictures on their way into batches. One thread submits, any may read results, any may cancel."""

    def __init__(self, batcher: Batcher, priority: Priority, deadline: float, refusable: bool) -> None:
        self._batcher = batcher
        self.priority = priority
        self.deadline = deadline
        self.refusable = refusable
        self.cancelled = False
        self.turn = 0.0
        self.entries: set[Entry] = set()
        """Submitted and without a result."""
        self.waiting: set[threading.Condition] = set()

    @contextmanager
    def place(self, height: int, width: int) -> Iterator["Place"]:
        """Waits for a place in a batch of tensors of that size; given back unless it is committed.

        Raises ResourceExhaustedError where too many wait, DeadlineExceededError, CancelledError.
        """
        place = Place(self._batcher, self._batcher._claim(self, (height, width)))
        try:
            yield place
        finally:
            place._close()

    def cancel(self) -> None:
        """Drops what does not run yet; whoever waits gets CancelledError."""
        self._batcher._cancel(self)


class Place:
    """Room for one picture in a batch."""

    def __init__(self, batcher: Batcher, entry: Entry) -> None:
        self._batcher = batcher
        self._entry = entry
        self._committed = False

    @property
    def tensor(self) -> FloatArray:
        """[1, 3, height, width], to be filled wholly before `commit`."""
        row = self._entry.row
        return self._entry.batch.tensors[row : row + 1]

    def commit(self, placement: Placement, settings: Settings) -> "Pending":
        """Says that the tensor is filled."""
        self._batcher._commit(self._entry, placement, settings)
        self._committed = True
        return Pending(self._batcher, self._entry)

    def _close(self) -> None:
        if not self._committed:
            with self._batcher._lock:
                self._batcher._abandon(self._entry)


class Pending:
    """A result to come."""

    def __init__(self, batcher: Batcher, entry: Entry) -> None:
        self._batcher = batcher
        self._entry = entry

    def result(self) -> Prediction:
        """Waits for it. Raises what the model raised, DeadlineExceededError, CancelledError."""
        return self._batcher._result(self._entry)

    @property
    def asked(self) -> float:
        """When a place was asked for, by the batcher's clock."""
        return self._entry.since

    @property
    def report(self) -> BatchReport | None:
        """Of the run, once `result` has returned."""
        return self._entry.report
