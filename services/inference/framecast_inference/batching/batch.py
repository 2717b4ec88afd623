"""One batch on its way: places are given out, filled, and run together."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings

if TYPE_CHECKING:
    from framecast_inference.batching.batcher import BatchStream

FloatArray = npt.NDArray[np.float32]
Size = tuple[int, int]


@dataclass(slots=True)
class BatchReport:
    """What a run was like; times are the batcher's clock's, in seconds."""

    waited_s: list[float]
    """[pictures] from asking for a place to the start."""
    started: float
    finished: float
    failed: bool
    compute_s: float = 0.0
    """In the graphs, of the time between; filled in by who observes."""

    @property
    def pictures(self) -> int:
        return len(self.waited_s)


class Entry:
    """A picture's place in a batch. Guarded by the batcher's lock, but for the tensor, which is the filler's own."""

    __slots__ = (
        "batch", "changed", "done", "dropped", "outcome", "placement", "report", "row", "settings", "since", "stream",
        "waiting",
    )  # fmt: skip

    def __init__(
        self, batch: "Batch", stream: "BatchStream", row: int, changed: threading.Condition, since: float
    ) -> None:
        self.batch = batch
        self.stream = stream
        self.row = row
        self.changed = changed
        self.since = since
        """When a place was asked for."""
        self.placement: Placement | None = None
        """None until the place is filled."""
        self.settings: Settings | None = None
        self.outcome: Prediction | BaseException | None = None
        self.report: BatchReport | None = None
        """Of the run that gave the outcome."""
        self.done = False
        self.dropped = False
        self.waiting = False

    def is_live(self, now: float) -> bool:
        """Whether anyone still wants the result."""
        return not self.dropped and not self.stream.cancelled and now < self.stream.deadline


class Batch:
    """Pictures whose tensors have one size. It takes pictures until it is full or its turn to run comes."""

    def __init__(self, tensors: FloatArray, opened: float) -> None:
        self.tensors = tensors
        """[max_batch, 3, height, width]."""
        self.opened = opened
        self.entries: list[Entry] = []
        self.unfilled = 0
        self.closed = False
        self.started = False

    @property
    def size(self) -> Size:
        """Height and width of the tensors."""
        return self.tensors.shape[2], self.tensors.shape[3]

    def add(self, stream: "BatchStream", changed: threading.Condition, since: float) -> Entry:
        """Gives the next place away."""
        entry = Entry(self, stream, len(self.entries), changed, since)
        self.entries.append(entry)
        self.unfilled += 1
        if len(self.entries) == len(self.tensors):
            self.closed = True
        return entry

    def is_due(self, now: float, max_wait_s: float) -> bool:
        """Whether it may run: every place given away is filled, and there is no point in waiting for more."""
        if self.started or self.unfilled or not self.entries:
            return False
        return self.closed or now >= self.opened + max_wait_s

    def is_forsaken(self) -> bool:
        """Whether nothing is left that anyone wants."""
        return not self.started and not self.unfilled and all(entry.dropped for entry in self.entries)

    def take_live(self, now: float) -> list[Entry]:
        """The entries that are still wanted, moved together to the front of the tensors, in their order."""
        live = [entry for entry in self.entries if entry.is_live(now)]
        for row, entry in enumerate(live):
            if entry.row != row:
                self.tensors[row] = self.tensors[entry.row]
                entry.row = row
        return live
