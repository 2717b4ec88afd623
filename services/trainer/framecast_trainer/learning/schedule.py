"""The learning rate over a training that may be bounded by steps, by time, or by both."""

import math
import time
from collections.abc import Callable

_LAST_SHARE = 0.01
_WARM_UP_SHARE = 0.1


class Schedule:
    """Linear warm-up, then a cosine down to a hundredth of the peak.

    Progress is the greater of the share of steps and the share of time, so that the cosine always ends with training.
    """

    def __init__(
        self,
        step_count: int,
        max_duration_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._step_count = step_count
        self._max_duration_s = max_duration_s
        self._clock = clock
        self._start = clock()
        longest = 100 if max_duration_s is None else 20
        self._warm_up = min(longest, max(20, step_count // 20), max(1, step_count // 3))

    def progress(self, step: int) -> float:
        """In [0, 1] after `step` steps; 1 means that training is over."""
        steps = step / self._step_count
        if self._max_duration_s is None:
            return min(1.0, steps)
        return min(1.0, max(steps, (self._clock() - self._start) / self._max_duration_s))

    def rate(self, step: int) -> float:
        """Factor of the peak learning rate for the step after `step` steps."""
        progress = self.progress(step)
        # Where time runs out before the steps do, the warm-up must not take all of it.
        warm = min(1.0, max((step + 1) / self._warm_up, progress / _WARM_UP_SHARE))
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return warm * (_LAST_SHARE + (1 - _LAST_SHARE) * cosine)
