"""What learns and serves on a GPU does as it does on a CPU; where there is none, asking for it is an error."""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast.errors import FailedPreconditionError
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_trainer.learning.config import TrainConfig
from framecast_trainer.learning.decode import decode_sample
from framecast_trainer.learning.train import train
from tests.unit.learning.scenes import shapes_data

RECIPES = {
    "yolov5n": TrainConfig(architecture="yolov5n", image_size=96, epochs=1, batch_size=4),
    "mask_rcnn": TrainConfig(architecture="mask_rcnn", image_size=64, epochs=1, batch_size=2),
}
EVERYTHING = Settings(confidence_threshold=0.0, iou_threshold=1.0, max_detections=20)


class Recorder:
    """An engine that remembers every run."""

    def __init__(self, engine: OnnxRuntimeEngine) -> None:
        self._engine = engine
        self.runs: list[tuple[str, dict[str, np.ndarray], dict[str, np.ndarray]]] = []

    @property
    def name(self) -> str:
        return self._engine.name

    def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
        outputs = self._engine.run(graph, inputs, keep=keep)
        self.runs.append((graph, dict(inputs), outputs))
        return outputs

    def close(self) -> None:
        self._engine.close()


def trained(name: str, folder: Path, device: str) -> Path:
    config = dataclasses.replace(RECIPES[name], device=device)
    return train(shapes_data(4, 2), config, output=folder, lineage={}).bundle_folder


def recorded_on_cpu(bundle: Path) -> Recorder:
    """Every graph's inputs and answers for two pictures."""
    manifest = bundle_manifest.read(bundle)
    recorder = Recorder(OnnxRuntimeEngine(manifest, bundle, device="cpu", threads=2))
    pictures = [decode_sample(sample) for sample in shapes_data(2, 0).train]
    Predictor(manifest, recorder).predict(pictures, [EVERYTHING] * len(pictures))
    assert {graph for graph, _, _ in recorder.runs} == {graph.name for graph in manifest.graphs}
    return recorder


@pytest.mark.gpu("onnxruntime")
@pytest.mark.parametrize("name", RECIPES)
def test_every_graph_answers_on_the_gpu_as_on_the_cpu(name: str, tmp_path: Path) -> None:
    bundle = trained(name, tmp_path, "cpu")
    engine = OnnxRuntimeEngine(bundle_manifest.read(bundle), bundle, device="cuda")
    assert engine.name == "CUDAExecutionProvider"
    for graph, inputs, expected in recorded_on_cpu(bundle).runs:
        answers = engine.run(graph, inputs)
        for output, values in expected.items():
            scale = max(1.0, float(np.abs(values).max(initial=0)))
            np.testing.assert_allclose(answers[output], values, rtol=0, atol=1e-3 * scale, err_msg=f"{graph} {output}")


@pytest.mark.gpu("torch")
@pytest.mark.parametrize("name", RECIPES)
def test_a_training_on_the_gpu_exports_a_bundle_that_a_cpu_runs(name: str, tmp_path: Path) -> None:
    bundle = trained(name, tmp_path, "cuda")
    manifest = bundle_manifest.read(bundle)
    bundle_manifest.check_files(bundle, manifest.files)
    assert all(
        np.isfinite(values).all() for _, _, outputs in recorded_on_cpu(bundle).runs for values in outputs.values()
    )


def test_a_training_on_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FailedPreconditionError, match="cuda") as refused:
        trained("yolov5n", tmp_path, "cuda")
    assert refused.value.reason == "DEVICE_UNAVAILABLE"
    assert not any(tmp_path.iterdir())
