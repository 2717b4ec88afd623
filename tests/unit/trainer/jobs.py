"""Jobs and conditions for the tests of the trainer."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from framecast_trainer.job import Job, JobConfig
from framecast_trainer.library import Task
from tests.support.memory_registry import DATASET

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = JobConfig(epochs=3, batch_size=4, image_size=64, learning_rate=0.01, weight_decay=0.0)


def make_job(job_id: str = "job-1", **fields: Any) -> Job:
    """A queued job of project `demo`."""
    defaults: dict[str, Any] = {
        "project": "demo",
        "id": job_id,
        "model": "projects/demo/models/cars",
        "dataset_version": DATASET,
        "dataset_digest": "digest",
        "architecture": "yolov5n",
        "task": Task.OBJECT_DETECTION,
        "config": CONFIG,
        "create_time": NOW,
    }
    return Job(**{**defaults, **fields})


def wait_for(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The condition's value as soon as it is true."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
    return value
