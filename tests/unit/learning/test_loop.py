"""When a training is measured: after every epoch, under a time limit only as often as that can be afforded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures.learner import Learner, Stage
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch, Batches
from framecast_trainer.learning.config import TrainConfig, resolve_config
from framecast_trainer.learning.events import Event, Metric
from framecast_trainer.learning.input_rule import center_crop
from framecast_trainer.learning.loop import Loop
from framecast_trainer.learning.prepared_set import PreparedSet

BATCH, STEPS = 4, 10
STEP_S = 1.0


@dataclass
class Clock:
    """Time that passes only when something is done."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class OneWeight(Learner):
    """Learns nothing, which takes a second."""

    def __init__(self, clock: Clock) -> None:
        self.network = nn.Linear(1, 1)
        self.input = center_crop(32)
        self._clock = clock

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        self._clock.now += STEP_S
        return {"loss": self.network(torch.ones(1, 1)).square().sum()}

    def stages(self) -> list[Stage]:
        return []

    def describe(self, manifest: ModelBundle) -> None: ...


class EmptyBatches(Batches):
    """As many as there are steps, with nothing in them."""

    def __init__(self) -> None:
        rule = center_crop(32)
        super().__init__(PreparedSet([], rule, with_masks=False), rule, AugmentRule(), BATCH, 0)

    def __len__(self) -> int:
        return STEPS

    def epoch(self, epoch: int) -> Iterator[Batch]:
        for _ in range(STEPS):
            yield Batch(torch.zeros(BATCH, 3, 1, 1), [], [], None, [], torch.zeros(BATCH))


@dataclass
class Training:
    folder: Path
    measured_count: int
    evaluation_s: float
    """What an evaluation really takes."""
    max_duration_s: float | None
    epochs: int = 10
    clock: Clock = field(default_factory=Clock)
    measured_after: list[int] = field(default_factory=list)
    """Epochs."""

    def run(self) -> None:
        config = TrainConfig(
            architecture="resnet18",
            epochs=self.epochs,
            batch_size=BATCH,
            image_size=32,
            device="cpu",
            max_duration_s=self.max_duration_s,
        )

        def measure() -> dict[str, float]:
            self.clock.now += self.evaluation_s
            return {"accuracy_top1": 0.5}

        def note(event: Event) -> None:
            if isinstance(event, Metric) and event.name == "accuracy_top1":
                self.measured_after.append(event.epoch)

        Loop(
            OneWeight(self.clock),
            EmptyBatches(),
            resolve_config(config),
            measure=measure,
            measured_count=self.measured_count,
            primary="accuracy_top1",
            checkpoint_folder=self.folder,
            on_event=note,
            should_stop=lambda: False,
            clock=self.clock,
        ).run()


def test_without_a_time_limit_every_epoch_is_measured_whatever_it_costs(tmp_path: Path):
    training = Training(tmp_path, measured_count=4000, evaluation_s=1000, max_duration_s=None, epochs=3)
    training.run()
    assert training.measured_after == [1, 2, 3]


def test_what_the_time_cannot_afford_is_measured_once_at_the_end(tmp_path: Path):
    # 40 pictures are learnt from in 10 s, so measuring 4000 would take 1000 s.
    training = Training(tmp_path, measured_count=4000, evaluation_s=1000, max_duration_s=55, epochs=1000)
    training.run()
    assert training.measured_after == [6]


def test_the_first_measurement_waits_until_it_can_be_afforded(tmp_path: Path):
    # 12 pictures take 3 s: a tenth of the time after 3 epochs, and again after every 3 or 4.
    training = Training(tmp_path, measured_count=12, evaluation_s=3, max_duration_s=1000)
    training.run()
    assert training.measured_after == [3, 6, 9, 10]


def test_a_measurement_that_took_longer_than_expected_is_made_up_for(tmp_path: Path):
    training = Training(tmp_path, measured_count=4, evaluation_s=20, max_duration_s=1000)
    training.run()
    assert training.measured_after == [1, 10]


@pytest.mark.parametrize("max_duration_s", [None, 1000.0])
def test_cheap_measurements_are_made_after_every_epoch(tmp_path: Path, max_duration_s: float | None):
    training = Training(tmp_path, measured_count=2, evaluation_s=0.5, max_duration_s=max_duration_s, epochs=4)
    training.run()
    assert training.measured_after == [1, 2, 3, 4]
