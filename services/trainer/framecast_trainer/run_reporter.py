"""The learner's events as the run's events and as lines of its log."""

import math
import time
from collections.abc import Callable

from framecast_trainer.learning.events import Event, Metric, Notice, Progress
from framecast_trainer.run_event import MetricTaken, ProgressMade, RunEvent, WarningGiven

LEARNING_SHARE = 0.98
"""Of the whole job; the rest is publishing."""
_LEARNING = ("training", "evaluating")


class RunReporter:
    """Passes on every measurement and warning, and progress at most every `interval_s` seconds."""

    def __init__(
        self, append: Callable[[RunEvent], None], say: Callable[[str], None], *, interval_s: float = 0.2
    ) -> None:
        self._append = append
        self._say = say
        self._interval_s = interval_s
        self._sent = -math.inf
        self._phase = ""
        self._epoch = 0
        self._said = 0
        self._finished = 0
        self._latest: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Progress():
                self._progress(event)
            case Metric():
                self._latest[event.name] = event.value
                self._append(MetricTaken(event.name, event.value, event.step, event.epoch, time.time()))
            case Notice():
                self._say(f"warning: {event.text}")
                self._append(WarningGiven(event.text))

    def _progress(self, event: Progress) -> None:
        self._say_epoch(event)
        now = time.monotonic()
        news = event.phase != self._phase or event.epoch != self._epoch
        if not news and now - self._sent < self._interval_s:
            return
        if event.phase != self._phase and event.phase not in _LEARNING:
            self._say(event.phase)
        self._sent, self._phase, self._epoch = now, event.phase, event.epoch
        fraction = event.fraction * LEARNING_SHARE
        self._append(ProgressMade(event.phase, event.epoch, event.epoch_count, event.step, event.step_count, fraction))

    def _say_epoch(self, event: Progress) -> None:
        """A line per epoch, once its measurements are in: when something else begins."""
        begun = event.phase not in _LEARNING or (event.phase == "training" and event.step < event.step_count)
        if self._finished and (begun or event.epoch > self._finished):
            measured = "  ".join(f"{name} {value:.4g}" for name, value in self._latest.items())
            self._say(f"epoch {self._finished}/{event.epoch_count}  {measured}")
            self._latest.clear()
            self._said, self._finished = self._finished, 0
        if event.phase in _LEARNING and event.epoch > self._said:
            self._finished = event.epoch
