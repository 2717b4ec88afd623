"""One training, from labelled pictures to a checked bundle.

On busy machines set OMP_WAIT_POLICY=PASSIVE and GOMP_SPINCOUNT=0 before torch is imported: spinning threads cost
half of the speed. The process that imports this library decides; the trainer's worker does.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_trainer.learning import export, parity
from framecast_trainer.learning.architectures import Architecture, BuildRequest
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batches
from framecast_trainer.learning.config import ResolvedConfig, TrainConfig, as_json, resolve_config
from framecast_trainer.learning.data import Sample, TrainingData
from framecast_trainer.learning.evaluate import Evaluator, Measurement
from framecast_trainer.learning.events import Event, Listener, Metric, Notice, Progress
from framecast_trainer.learning.loop import Loop, check_stop
from framecast_trainer.learning.prepared_set import SMALLEST_SIDE, PreparedSet
from framecast_trainer.learning.seeding import seed_everything
from framecast_trainer.learning.torch_engine import TorchEngine
from framecast_trainer.learning.weights import load_initial_weights

BUNDLE_FOLDER = "bundle"
CHECKPOINT_FOLDER = "checkpoints"
_TRAINING_SHARE = 0.9
"""Of the whole run, for its progress."""
_FALLBACK_VALIDATION = 100


@dataclass(frozen=True)
class TrainResult:
    """What training left behind."""

    bundle_folder: Path
    metrics: dict[str, float]
    """Of the exported graphs on the validation subset; the same by PyTorch under `torch_…`. In [0, 1]."""
    parity: ModelBundle.ParityReport


def train(
    data: TrainingData,
    config: TrainConfig,
    *,
    output: Path,
    lineage: Mapping[str, str],
    on_event: Listener = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainResult:
    """Learns, keeps the best checkpoint, exports it and compares both; writes only below `output`.

    `lineage` fills fields of `ModelBundle.Lineage`; the configuration and the first weights are added here. Raises
    InvalidArgumentError for a configuration or data that cannot be trained on, DataLossError for an unreadable picture
    (named), CancelledError once `should_stop` says so, FailedPreconditionError for a loss that is no number and for a
    failed parity check.
    """
    resolved = resolve_config(config)
    entry = resolved.entry
    told = _Monotonic(on_event)
    told(Progress("preparing", 0, resolved.epochs, 0, 0, 0.0))
    _check_data(data, entry)
    validation = data.validation
    if not validation:
        validation = data.train[:_FALLBACK_VALIDATION]
        told(Notice("there is no validation subset: metrics are measured on training pictures and promise nothing"))

    seed_everything(resolved.seed)
    learner = entry.build(
        BuildRequest(class_count=len(data.categories), image_size=resolved.image_size, backbone=resolved.backbone)
    )
    origin = load_initial_weights(learner, entry, resolved.backbone, resolved.weights, lambda text: told(Notice(text)))
    pictures = PreparedSet(data.train, learner.input, with_masks=learner.wants_masks)
    if entry.annotations != ("label",):
        sizes = _box_sizes(pictures, should_stop)
        if not len(sizes):
            raise _unusable(
                f"at image_size {resolved.image_size} every box of the training subset is less than "
                f"{SMALLEST_SIDE:g} pixels wide or high; raise image_size, or cut the pictures into tiles",
                "BOXES_TOO_SMALL",
            )
        learner.adapt(sizes, resolved.seed)
    learner.network.to(resolved.device).to(memory_format=torch.channels_last)

    evaluator = Evaluator(validation, entry.task, len(data.categories))

    def measure_torch(device: str) -> Measurement:
        # Rebuilt each time: anchors and the like belong to the network.
        manifest = export.describe(learner, entry, data.categories, origin.license)
        engine = TorchEngine(learner.stages(), torch.device(device))
        return evaluator.measure(manifest, engine, lambda: check_stop(should_stop))

    fitted = Loop(
        learner,
        Batches(pictures, learner.input, _views(learner, resolved), resolved.batch_size, resolved.seed),
        resolved,
        measure=lambda: measure_torch(resolved.device).metrics,
        measured_count=len(validation),
        primary=evaluator.primary,
        checkpoint_folder=output / CHECKPOINT_FOLDER,
        on_event=told,
        should_stop=should_stop,
    ).run()

    def progress(phase: str, fraction: float) -> None:
        check_stop(should_stop)
        told(Progress(phase, fitted.epochs, resolved.epochs, 0, 0, fraction))

    progress("exporting", _TRAINING_SHARE)
    folder = output / BUNDLE_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    export.write_graphs(learner, folder)
    manifest = export.describe(learner, entry, data.categories, origin.license)
    manifest.lineage.CopyFrom(
        ModelBundle.Lineage(
            **dict(lineage),
            configuration=json.dumps(as_json(resolved), sort_keys=True),
            initial_weights=origin.name,
        )
    )

    export.pin_files(manifest, folder)

    progress("checking", 0.95)
    by_torch = measure_torch("cpu")
    engine = OnnxRuntimeEngine(manifest, folder, device="cpu", threads=torch.get_num_threads())
    exported = evaluator.measure(manifest, engine, lambda: check_stop(should_stop))
    engine.close()
    report = parity.compare(by_torch, exported, evaluator.primary)
    parity.require(report)
    manifest.parity.CopyFrom(report)
    bundle_manifest.write(folder, manifest)

    metrics = exported.metrics | {f"torch_{name}": value for name, value in by_torch.metrics.items()}
    for name, value in metrics.items():
        told(Metric(name, value, fitted.steps, fitted.best_epoch))
    told(Progress("checking", fitted.epochs, resolved.epochs, 0, 0, 1.0))
    return TrainResult(folder, metrics, report)


class _Monotonic:
    """Scales the loop's progress into the whole run's and never lets it fall."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._fraction = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            inner = event.phase in ("training", "evaluating")
            fraction = event.fraction * (_TRAINING_SHARE if inner else 1.0)
            self._fraction = max(self._fraction, fraction)
            event = Progress(event.phase, event.epoch, event.epoch_count, event.step, event.step_count, self._fraction)
        self._listener(event)


def _views(learner: Learner, config: ResolvedConfig) -> AugmentRule:
    return learner.views if config.augment else AugmentRule()


def _box_sizes(pictures: PreparedSet, should_stop: Callable[[], bool]) -> Tensor:
    """float32 [N, 2] in tensor pixels; reads every picture once, so that unreadable ones are found before training."""
    sizes = [torch.zeros((0, 2))]
    for i in range(len(pictures)):
        check_stop(should_stop)
        boxes = pictures[i].boxes
        sizes.append(boxes[:, 2:] - boxes[:, :2])
    return torch.cat(sizes)


def _check_data(data: TrainingData, entry: Architecture) -> None:
    if not data.categories:
        raise _unusable("the dataset has no categories", "NO_CATEGORIES")
    if not data.train:
        raise _unusable("the dataset's training subset is empty", "NO_TRAINING_DATA")
    needs = entry.annotations[-1]
    for samples in (data.train, data.validation):
        _check_samples(samples, entry, needs, len(data.categories))
    usable = [
        a for s in data.train for a in s.annotations if _suits(a.box is not None, a.has_mask, needs) and not a.crowd
    ]
    if not usable:
        raise _unusable(f"{entry.id} learns from a {needs} per instance, and the training subset has none", "NO_LABELS")


def _suits(has_box: bool, has_mask: bool, needs: str) -> bool:
    return not has_box if needs == "label" else has_box and (has_mask or needs != "mask")


def _check_samples(samples: Sequence[Sample], entry: Architecture, needs: str, category_count: int) -> None:
    for sample in samples:
        for annotation in sample.annotations:
            if not 0 <= annotation.category_index < category_count:
                raise _unusable(
                    f"{sample.file_name} has an annotation of category index {annotation.category_index}, "
                    f"but there are {category_count} categories",
                    "CATEGORY_OUT_OF_RANGE",
                )
            if needs == "mask" and annotation.box is not None and not annotation.has_mask and not annotation.crowd:
                raise _unusable(
                    f"{sample.file_name} has a box without a mask, which {entry.id} needs; "
                    "add polygons, or train faster_rcnn or yolov5n",
                    "MASK_MISSING",
                )
        if needs == "label" and not any(a.box is None for a in sample.annotations):
            raise _unusable(
                f"{sample.file_name} has no label, which {entry.id} needs; label it or leave it out", "NO_LABEL"
            )


def _unusable(message: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason=reason, field="dataset_version")
