"""A job as JSON, for stores that keep documents. Fields added later need defaults in `job.py`."""

import base64
import dataclasses
import json
from datetime import datetime
from enum import Enum
from typing import Any

from framecast_inference.jobs.job import InferenceJob, JobState, Lease, Progress


def to_document(job: InferenceJob) -> str:
    """Everything but `sequence`, which is the row's own."""
    fields = dataclasses.asdict(job)
    del fields["sequence"]
    return json.dumps(fields, default=_plain)


def from_document(text: str, sequence: int) -> InferenceJob:
    """The job that `to_document` wrote."""
    fields: dict[str, Any] = json.loads(text)
    for key in ("create_time", "start_time", "end_time"):
        fields[key] = datetime.fromisoformat(fields[key]) if fields[key] else None
    return InferenceJob(
        **{
            **fields,
            "sequence": sequence,
            "state": JobState(fields["state"]),
            "error": base64.b64decode(fields["error"]),
            "progress": Progress(**fields["progress"]),
            "counts": tuple(fields["counts"]),
            "lease": Lease(**fields["lease"]),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} has no JSON form")
