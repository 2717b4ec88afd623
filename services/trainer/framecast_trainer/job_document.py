"""A job as JSON, for stores that keep documents. Fields added later need defaults in `job.py`."""

import dataclasses
import json
from datetime import datetime
from enum import Enum
from typing import Any

from framecast_trainer.job import Device, Job, JobConfig, JobError, JobProgress, JobState, VersionState
from framecast_trainer.library import Task


def to_document(job: Job) -> str:
    """Everything but `sequence`, which is the row's own."""
    fields = dataclasses.asdict(job)
    del fields["sequence"]
    return json.dumps(fields, default=_plain)


def from_document(text: str, sequence: int) -> Job:
    """The job that `to_document` wrote."""
    fields: dict[str, Any] = json.loads(text)
    config = fields.pop("config")
    error = fields.pop("error")
    for key in ("create_time", "start_time", "end_time"):
        fields[key] = datetime.fromisoformat(fields[key]) if fields[key] else None
    return Job(
        **{
            **fields,
            "sequence": sequence,
            "task": Task(fields["task"]),
            "state": JobState(fields["state"]),
            "version_state": VersionState(fields["version_state"]),
            "config": JobConfig(**{**config, "device": Device(config["device"])}),
            "error": None if error is None else JobError(**error),
            "progress": JobProgress(**fields["progress"]),
            "warnings": tuple(fields["warnings"]),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
