"""Real networks on a dozen small pictures: from labels in the registry to a trained version."""

from pathlib import Path
from typing import Any

import pytest

from framecast.v1 import model_pb2, trainer_service_pb2, training_job_pb2
from framecast_bundle import manifest
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.labelled_pictures import put_pictures
from tests.support.registry_server import RegistryHandle
from tests.support.trainer_server import trainer

Job = training_job_pb2.TrainingJob


@pytest.mark.parametrize(
    ("architecture", "labels", "metric"),
    [
        pytest.param("resnet18", "whole", "accuracy_top1"),
        pytest.param("yolov5n", "box", "box_mAP50", marks=pytest.mark.slow),
        pytest.param("mask_rcnn", "polygon", "mask_mAP50", marks=pytest.mark.slow),
    ],
)
def test_a_network_is_trained_exported_checked_and_published(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, architecture: str, labels: str, metric: str
) -> None:
    data = put_pictures(running_registry.address, "squares", labels=labels)
    store = open_object_store(running_registry.object_store_url)
    with trainer(tmp_path, running_registry.address, running_registry.object_store_url) as handle:
        caller = call(handle.address)
        config = {"epochs": 1, "image_size": 64, "batch_size": 4, "weights": "random", "device": 2}
        job = caller.create(data, architecture, config=config)
        seen = list(caller.watch(job.name))
        log = trainer_service_pb2.ReadTrainingLogsRequest(name=job.name)
        text = b"".join(part.data for part in caller.trainer.ReadTrainingLogs(log)).decode()
        assert seen[-1].state == Job.SUCCEEDED, text
        assert "8 pictures to learn from, 4 to measure on" in text
        assert metric in seen[-1].metrics
        fractions = [update.progress.fraction for update in seen]
        assert fractions == sorted(fractions)
        version = caller.version(seen[-1].model_version)
    assert version.state == model_pb2.ModelVersion.TRAINED
    assert metric in version.metrics
    bundle = manifest.from_json(store.get(blob_path(version.bundle.rpartition("/")[2])))
    assert bundle.lineage.training_job == job.name
    assert bundle.lineage.dataset_version == data
    assert [category.id for category in bundle.categories] == [3, 8]
    assert bundle.parity.passed
    run = tmp_path / "work" / "runs" / "demo" / job.name.rpartition("/")[2]
    assert not (run / "scratch").exists()
