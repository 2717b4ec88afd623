"""Whole trainings on a few synthetic pictures: they learn, repeat, stop, fail with a reason, and export."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from framecast.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_trainer.learning import checkpoints, parity
from framecast_trainer.learning.architectures import ARCHITECTURES, yolov5
from framecast_trainer.learning.config import TrainConfig
from framecast_trainer.learning.data import Annotation, TrainingData
from framecast_trainer.learning.decode import decode_sample
from framecast_trainer.learning.evaluate import Evaluator, Measurement
from framecast_trainer.learning.events import Event, Metric, Notice, Progress
from framecast_trainer.learning.train import TrainResult, train
from tests.unit.learning.scenes import CATEGORIES, sample_of, scene, shapes_data

# No larger than it takes to learn by heart: these run on two shared cores.
RECIPES = {
    "resnet18": TrainConfig(architecture="resnet18", image_size=32, epochs=5, batch_size=16, weights="random"),
    "yolov5n": TrainConfig(architecture="yolov5n", image_size=96, epochs=70, batch_size=4, augment=False),
    "faster_rcnn": TrainConfig(architecture="faster_rcnn", image_size=64, epochs=2, batch_size=2),
    "mask_rcnn": TrainConfig(architecture="mask_rcnn", image_size=96, epochs=45, batch_size=4, augment=False),
}
PROMISED = {"resnet18": ("accuracy_top1", 0.7), "yolov5n": ("box_mAP50", 0.5), "mask_rcnn": ("mask_mAP50", 0.5)}


@dataclass
class Run:
    data: TrainingData
    result: TrainResult
    events: list[Event]

    def metrics(self, name: str) -> list[float]:
        return values(self.events, name)


def overfit_data(name: str) -> TrainingData:
    """Measured on what it learns from: the question is whether it can learn at all."""
    if name == "resnet18":
        return shapes_data(48, 12, labels=True)
    data = shapes_data(4, 0)
    return TrainingData(data.categories, data.train, data.train)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    finished: dict[str, Run] = {}

    def run(name: str) -> Run:
        if name not in finished:
            data = overfit_data(name)
            events: list[Event] = []
            folder = tmp_path_factory.mktemp(name)
            lineage = {"training_job": "projects/p/trainingJobs/j", "framecast_version": "0"}
            result = train(data, RECIPES[name], output=folder, lineage=lineage, on_event=events.append)
            finished[name] = Run(data, result, events)
        return finished[name]

    return run


@pytest.mark.parametrize("name", PROMISED)
def test_it_learns(name: str, runs: Callable[[str], Run]):
    run = runs(name)
    metric, least = PROMISED[name]
    assert run.result.metrics[metric] >= least
    losses = run.metrics("loss")
    assert np.mean(losses[-2:]) < 0.7 * losses[0]


@pytest.mark.parametrize("name", RECIPES)
def test_the_exported_graphs_answer_as_pytorch_does(name: str, runs: Callable[[str], Run]):
    report = runs(name).result.parity
    assert report.passed
    assert abs(report.torch_value - report.exported_value) <= report.tolerance
    assert report.image_count > 0
    assert report.max_box_delta < 0.01
    assert report.max_score_delta < 1e-3
    assert report.unmatched == 0
    metrics = runs(name).result.metrics
    assert all(f"torch_{key}" in metrics for key in metrics if not key.startswith("torch_"))


@pytest.mark.parametrize("name", RECIPES)
def test_the_bundle_is_complete_and_predicts(name: str, runs: Callable[[str], Run]):
    run = runs(name)
    folder = run.result.bundle_folder
    manifest = bundle_manifest.read(folder)
    bundle_manifest.check_files(folder, manifest.files)
    assert {file.path for file in manifest.files} >= {"weights.safetensors", *(g.path for g in manifest.graphs)}
    assert manifest.parity == run.result.parity
    assert manifest.license == ARCHITECTURES[name].license
    assert [c.id for c in manifest.categories] == [c.id for c in CATEGORIES]
    assert manifest.lineage.training_job == "projects/p/trainingJobs/j"
    assert json.loads(manifest.lineage.configuration)["epochs"] == RECIPES[name].epochs
    assert manifest.lineage.initial_weights == "random"
    with Predictor(manifest, OnnxRuntimeEngine(manifest, folder, device="cpu", threads=2)) as predictor:
        pictures = [decode_sample(sample) for sample in run.data.train[:3]]
        settings = Settings(confidence_threshold=0.3, iou_threshold=0.5)
        predictions = predictor.predict(pictures, [settings] * 3)
    assert [p.width for p in predictions] == [s.width for s in run.data.train[:3]]


@pytest.mark.parametrize("name", ["yolov5n", "mask_rcnn"])
def test_class_indices_are_those_of_the_data(name: str, runs: Callable[[str], Run]):
    run = runs(name)
    manifest = bundle_manifest.read(run.result.bundle_folder)
    hits = 0
    with Predictor(manifest, OnnxRuntimeEngine(manifest, run.result.bundle_folder, device="cpu")) as predictor:
        for sample in run.data.train:
            (found,) = predictor.predict([decode_sample(sample)], [Settings(confidence_threshold=0.3)])
            for annotation in sample.annotations:
                distance = np.abs(found.boxes - np.array(annotation.box)).max(axis=1)
                if len(distance) and distance.min() < 12:
                    hits += int(found.class_indices[distance.argmin()] == annotation.category_index)
    assert hits >= 0.5 * sum(len(sample.annotations) for sample in run.data.train)


@pytest.mark.parametrize("name", ["yolov5n", "mask_rcnn"])
def test_progress_rises_to_one_through_every_phase(name: str, runs: Callable[[str], Run]):
    progress = [e for e in runs(name).events if isinstance(e, Progress)]
    fractions = [e.fraction for e in progress]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert {e.phase for e in progress} == {"preparing", "training", "evaluating", "exporting", "checking"}
    assert max(e.epoch for e in progress) == RECIPES[name].epochs


@pytest.mark.parametrize(("name", "metric"), [("faster_rcnn", "box_mAP50"), ("resnet18", "accuracy_top1")])
def test_every_epoch_is_measured(name: str, metric: str, runs: Callable[[str], Run]):
    measured = [e.epoch for e in runs(name).events if isinstance(e, Metric) and e.name == metric]
    # The last one is what came out of the export, under the epoch whose weights were kept.
    assert measured[:-1] == list(range(1, (RECIPES[name].epochs or 0) + 1))


def test_training_from_random_weights_is_said(runs: Callable[[str], Run]):
    said = [e.text for e in runs("yolov5n").events if isinstance(e, Notice)]
    assert any("random" in text for text in said)


def quick(**changes: Any) -> TrainConfig:
    settings: dict[str, Any] = {"image_size": 32, "epochs": 2, "batch_size": 4, "device": "cpu"}
    return TrainConfig(architecture="yolov5n", **(settings | changes))


def learn_only(data: TrainingData, config: TrainConfig, folder: Path) -> list[Event]:
    """A training that is cancelled when it comes to the export, which takes longest."""
    events: list[Event] = []

    def exporting() -> bool:
        return any(isinstance(e, Progress) and e.phase == "exporting" for e in events[-1:])

    with pytest.raises(CancelledError):
        train(data, config, output=folder, lineage={}, on_event=events.append, should_stop=exporting)
    return events


def values(events: list[Event], name: str) -> list[float]:
    return [e.value for e in events if isinstance(e, Metric) and e.name == name]


def test_the_same_seed_gives_the_same_weights(tmp_path: Path):
    def weights(folder: str, seed: int) -> dict[str, torch.Tensor]:
        learn_only(shapes_data(4, 1), quick(seed=seed), tmp_path / folder)
        network: dict[str, torch.Tensor] = checkpoints.load(tmp_path / folder / "checkpoints" / "best.pt")["network"]
        return network

    first, again, other = weights("a", 5), weights("b", 5), weights("c", 6)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["model.0.conv.weight"], other["model.0.conv.weight"])


def test_a_cancelled_training_stops_and_leaves_no_bundle(tmp_path: Path):
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 8

    with pytest.raises(CancelledError):
        train(shapes_data(4, 1), quick(epochs=100), output=tmp_path, lineage={}, should_stop=should_stop)
    assert asked == 9
    assert not (tmp_path / "bundle").exists()


def test_time_ends_training_before_its_epochs(tmp_path: Path):
    events = learn_only(shapes_data(4, 1), quick(epochs=5000, max_duration_s=1.5), tmp_path)
    rates = values(events, "learning_rate")
    assert len(rates) < 500
    assert rates[-1] < 0.5 * max(rates)


def test_a_loss_that_is_no_number_says_what_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(outputs: tuple[torch.Tensor, ...], *_: object) -> dict[str, torch.Tensor]:
        return {"box_loss": outputs[0].sum() * math.inf}

    monkeypatch.setattr(yolov5, "yolov5_loss", broken)
    with pytest.raises(FailedPreconditionError, match="lower learning rate") as caught:
        train(shapes_data(4, 1), quick(), output=tmp_path, lineage={})
    assert caught.value.reason == "LOSS_NOT_FINITE"


def test_pictures_without_instances_and_crowds_are_learnt_with(tmp_path: Path):
    empty = sample_of(np.zeros((50, 70, 3), np.uint8))
    crowd = sample_of(np.zeros((50, 70, 3), np.uint8), [Annotation(0, box=(5, 5, 60, 40), crowd=True)])
    data = TrainingData(CATEGORIES, [scene(0), empty, crowd], [scene(1), empty])
    config = TrainConfig(architecture="mask_rcnn", image_size=64, epochs=1, batch_size=3)
    (score,) = values(learn_only(data, config, tmp_path), "mask_mAP50")
    assert math.isfinite(score)


def test_no_validation_subset_is_warned_of(tmp_path: Path):
    events = learn_only(shapes_data(2, 0), quick(epochs=1), tmp_path)
    assert any(isinstance(e, Notice) and "no validation subset" in e.text for e in events)


@pytest.mark.parametrize(
    ("architecture", "data", "reason"),
    [
        ("yolov5n", TrainingData(CATEGORIES, [], []), "NO_TRAINING_DATA"),
        ("yolov5n", TrainingData([], [scene(0)], []), "NO_CATEGORIES"),
        ("yolov5n", TrainingData(CATEGORIES[:1], [scene(s, objects=4) for s in range(3)], []), "CATEGORY_OUT_OF_RANGE"),
        ("resnet18", TrainingData(CATEGORIES, [scene(0)], []), "NO_LABEL"),
        ("yolov5n", TrainingData(CATEGORIES, [sample_of(np.zeros((9, 9, 3), np.uint8))], []), "NO_LABELS"),
        (
            "mask_rcnn",
            TrainingData(CATEGORIES, [sample_of(np.zeros((9, 9, 3), np.uint8), [Annotation(0, (0, 0, 5, 5))])], []),
            "MASK_MISSING",
        ),
        (
            "yolov5n",  # 9 px of 3200 are 1.8 of 640
            TrainingData(CATEGORIES, [sample_of(np.zeros((3200, 9, 3), np.uint8), [Annotation(0, (0, 0, 9, 9))])], []),
            "BOXES_TOO_SMALL",
        ),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(architecture: str, data: TrainingData, reason: str, tmp_path: Path):
    with pytest.raises(InvalidArgumentError) as caught:
        train(data, TrainConfig(architecture=architecture), output=tmp_path, lineage={})
    assert caught.value.reason == reason


def measured(run: Run, change: Callable[[ModelBundle, dict[str, bytes]], None]) -> Measurement:
    """By a bundle that was tampered with."""
    folder = run.result.bundle_folder
    manifest = bundle_manifest.read(folder)
    graphs = {graph.path: (folder / graph.path).read_bytes() for graph in manifest.graphs}
    change(manifest, graphs)
    del manifest.files[:]
    manifest.files.extend(bundle_manifest.file_entry(path, content) for path, content in graphs.items())
    evaluator = Evaluator(run.data.validation, manifest.task, len(manifest.categories))
    engine = OnnxRuntimeEngine(manifest, graphs.__getitem__, device="cpu", threads=2)
    try:
        return evaluator.measure(manifest, engine)
    finally:
        engine.close()


def perturb(graphs: dict[str, bytes], path: str) -> None:
    """Every weight by a fifth of what is usual in its tensor."""
    graph = onnx.load_from_string(graphs[path])
    rng = np.random.default_rng(0)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1:
            noise = 0.2 * values.std() * rng.standard_normal(values.shape)
            tensor.CopyFrom(numpy_helper.from_array((values + noise).astype(np.float32), tensor.name))
    graphs[path] = graph.SerializeToString()


def resize_otherwise(manifest: ModelBundle, graphs: dict[str, bytes]) -> None:
    manifest.input.resize = ModelBundle.Input.STRETCH


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("yolov5n", resize_otherwise),
        ("yolov5n", lambda _, graphs: perturb(graphs, "network.onnx")),
        ("mask_rcnn", lambda _, graphs: perturb(graphs, "boxes.onnx")),
        ("mask_rcnn", lambda _, graphs: perturb(graphs, "masks.onnx")),
    ],
    ids=["resize", "weights", "box weights", "mask weights"],
)
def test_a_bundle_that_was_tampered_with_is_no_match(
    name: str, change: Callable[[ModelBundle, dict[str, bytes]], None], runs: Callable[[str], Run]
):
    run = runs(name)
    honest = measured(run, lambda *_: None)
    assert parity.compare(honest, honest, "box_mAP").passed
    tampered = measured(run, change)
    assert not parity.compare(honest, tampered, "box_mAP").passed
    # Nor where the metrics would have it: the answers themselves are not the same.
    worse = Measurement({name: value - 0.5 for name, value in honest.metrics.items()}, tampered.predictions)
    assert not parity.compare(honest, worse, "box_mAP").passed
