"""What a worker is told: everything that it needs besides its environment."""

import dataclasses
import json
from dataclasses import dataclass

from framecast_trainer.job import Device, JobConfig


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run's task."""

    project: str
    job_id: str
    training_job: str
    model_version: str
    dataset_version: str
    dataset_digest: str
    architecture: str
    config: JobConfig
    registry_address: str
    object_store_url: str

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), default=lambda device: device.value, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "RunSpec":
        fields = json.loads(text)
        config = fields.pop("config")
        return cls(config=JobConfig(**{**config, "device": Device(config["device"])}), **fields)
