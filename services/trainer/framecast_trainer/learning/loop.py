"""The training loop: steps, schedule, evaluation after each epoch, the best checkpoint."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from framecast.errors import CancelledError, FailedPreconditionError
from framecast_trainer.learning import checkpoints
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.batches import Batches
from framecast_trainer.learning.config import ResolvedConfig
from framecast_trainer.learning.events import Listener, Metric, Progress
from framecast_trainer.learning.schedule import Schedule
from framecast_trainer.learning.weight_average import WeightAverage

_CLIP = 10.0
_EVALUATION_SHARE = 0.1
"""Of the time that evaluations may take where training has a time limit, the last one apart."""
_PROGRESS_INTERVAL_S = 0.5


@dataclass(frozen=True)
class Fitted:
    """How training went; the network holds the best weights."""

    best_epoch: int
    epochs: int
    """Begun, at least; fewer than configured where time ran out."""
    best_metrics: dict[str, float]
    steps: int


class Loop:
    """Runs one training.

    `measure` evaluates the network as it is, on `measured_count` pictures, and returns metrics in [0, 1].
    """

    def __init__(
        self,
        learner: Learner,
        batches: Batches,
        config: ResolvedConfig,
        *,
        measure: Callable[[], dict[str, float]],
        measured_count: int,
        primary: str,
        checkpoint_folder: Path,
        on_event: Listener,
        should_stop: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._learner = learner
        self._network: nn.Module = learner.network
        self._batches = batches
        self._config = config
        self._measure = measure
        self._measured_count = measured_count
        self._primary = primary
        self._folder = checkpoint_folder
        self._on_event = on_event
        self._should_stop = should_stop
        self._clock = clock
        self._device = torch.device(config.device)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(self._network, config.weight_decay), lr=config.learning_rate, foreach=True
        )
        self._average = WeightAverage(self._network) if config.entry.ema else None
        self._best: dict[str, float] = {}
        self._best_epoch = 0
        self._evaluating_s = 0.0
        self._evaluation_s: float | None = None
        self._told = 0.0

    def run(self) -> Fitted:
        """Raises CancelledError when asked to stop, FailedPreconditionError when the loss is no number."""
        config = self._config
        schedule = Schedule(config.epochs * len(self._batches), config.max_duration_s, self._clock)
        start = self._clock()
        step = 0
        for epoch in range(config.epochs):
            self._network.train()
            sums: dict[str, float] = {}
            done = 0
            for batch in self._batches.epoch(epoch):
                check_stop(self._should_stop)
                for group in self._optimizer.param_groups:
                    group["lr"] = config.learning_rate * schedule.rate(step)
                losses = self._learner.loss(batch.to(self._device))
                self._step(losses, step)
                for name, term in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(term.detach())
                step += 1
                done += 1
                self._progress(epoch, done, schedule.progress(step))
                if schedule.progress(step) >= 1:
                    break
            means = {name: total / done for name, total in sums.items()}
            self._report({"loss": sum(means.values()), **means, "learning_rate": self._rate()}, step, epoch + 1)
            over = schedule.progress(step) >= 1
            if over or self._may_evaluate(self._clock() - start, step):
                self._evaluate(epoch + 1, step, schedule.progress(step))
            if over:
                break
        self._network.load_state_dict(checkpoints.load(self._folder / "best.pt")["network"])
        return Fitted(self._best_epoch, epoch + 1, self._best, step)

    def _step(self, losses: dict[str, Tensor], step: int) -> None:
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(total.item()):
            raise FailedPreconditionError(
                f"the loss became {total.item()} at step {step}; try a lower learning rate than "
                f"{self._config.learning_rate:g}, and look for damaged labels",
                reason="LOSS_NOT_FINITE",
                step=step,
                learning_rate=self._config.learning_rate,
            )
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimizer.step()
        if self._average is not None:
            self._average.update()

    def _may_evaluate(self, elapsed: float, step: int) -> bool:
        # Every epoch is measured, but under a time limit not at the cost of learning.
        if self._config.max_duration_s is None:
            return True
        cost = self._evaluation_s
        if cost is None:
            # Until one was made: as long as it took to learn from as many pictures.
            cost = elapsed * self._measured_count / (step * self._config.batch_size)
        return self._evaluating_s + cost <= _EVALUATION_SHARE * elapsed

    def _evaluate(self, epoch: int, step: int, progress: float) -> None:
        self._on_event(Progress("evaluating", epoch, self._config.epochs, 0, len(self._batches), progress))
        start = self._clock()
        current = None
        if self._average is not None:
            current = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
            self._network.load_state_dict(self._average.state_dict())
        metrics = self._measure()
        self._report(metrics, step, epoch)
        if not self._best or metrics[self._primary] >= self._best[self._primary]:
            self._best, self._best_epoch = metrics, epoch
            state = {"network": self._network.state_dict(), "epoch": epoch, "metrics": metrics}
            checkpoints.save(self._folder / "best.pt", state)
        if current is not None:
            self._network.load_state_dict(current)
        self._evaluation_s = self._clock() - start
        self._evaluating_s += self._evaluation_s

    def _progress(self, epoch: int, done: int, progress: float) -> None:
        now = self._clock()
        if now - self._told >= _PROGRESS_INTERVAL_S or done == len(self._batches):
            self._told = now
            count = len(self._batches)
            finished = epoch + int(done == count)
            self._on_event(Progress("training", finished, self._config.epochs, done, count, progress))

    def _report(self, values: dict[str, float], step: int, epoch: int) -> None:
        for name, value in values.items():
            self._on_event(Metric(name, value, step, epoch))

    def _rate(self) -> float:
        return float(self._optimizer.param_groups[0]["lr"])


def check_stop(should_stop: Callable[[], bool]) -> None:
    """Raises CancelledError when asked to stop."""
    if should_stop():
        raise CancelledError("the training was cancelled", reason="TRAINING_CANCELLED")


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Biases and normalisation are not decayed."""
    parameters: Iterable[nn.Parameter] = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in parameters if p.ndim > 1]
    plain = [p for p in parameters if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
