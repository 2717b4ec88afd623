"""Recorded predictions as users see them."""

from dataclasses import dataclass
from datetime import datetime

from framecast._dataset_types import Subset
from framecast._setting_types import InferenceSettings


@dataclass(frozen=True)
class PredictionSet:
    """What a model said of every picture of a dataset version, or of one of its subsets. It never changes."""

    name: str
    model_version: str
    """Who answered."""
    bundle_sha256: str
    """Digest of the model's manifest: the exact model."""
    subset: Subset | None
    """The pictures that were looked at; None: all."""
    settings: InferenceSettings
    """What was applied."""
    inference_job: str
    """What computed it; it may be deleted since."""
    result_count: int
    """One for each picture."""
    failed_count: int
    """Of `result_count`, those that are an error."""
    instance_count: int
    """Found instances of all results."""
    size_bytes: int
    """Of the stored results."""
    create_time: datetime

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def dataset_version(self) -> str:
        """The dataset version whose pictures they are."""
        return self.name.rsplit("/", 2)[0]

    @property
    def reference(self) -> str:
        """The short form that names it: `cars/2/job-20260301-120000-4f0c1e`."""
        parts = self.name.split("/")
        return f"{parts[3]}/{parts[5]}/{parts[7]}"
