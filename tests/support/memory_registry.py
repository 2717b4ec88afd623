"""A registry in memory, for the rules around it; it can be made to be away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from framecast.errors import FailedPreconditionError, NotFoundError, UnavailableError
from framecast_trainer.dataset_facts import DatasetFacts, ItemFacts, LabelFacts, Subset
from framecast_trainer.job import JobError
from framecast_trainer.library import Task

BOX = LabelFacts(has_box=True, has_mask=False)
SHAPE = LabelFacts(has_box=True, has_mask=True)
LABEL = LabelFacts(has_box=False, has_mask=False)
DATASET = "projects/demo/datasets/cars/versions/1"


def items(label: LabelFacts, count: int = 2) -> list[ItemFacts]:
    """`count` pictures with a label each, in both subsets."""
    return [
        ItemFacts(f"{subset.value}{i}.jpg", subset, (label,))
        for subset in (Subset.TRAIN, Subset.VALIDATION)
        for i in range(count)
    ]


@dataclass
class Version:
    state: str = "CREATED"
    bundle: str = ""
    error: JobError | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    completions: int = 0


class MemoryRegistry:
    """Satisfies `framecast_trainer.ports.Registry`."""

    def __init__(self) -> None:
        self.away = False
        self.datasets: dict[str, list[ItemFacts]] = {DATASET: items(BOX)}
        self.versions: dict[str, Version] = {}
        self.refuse_completion: FailedPreconditionError | None = None
        self._requests: dict[str, str] = {}

    def dataset(self, name: str) -> DatasetFacts:
        self._answer()
        if name not in self.datasets:
            raise NotFoundError(f"no dataset version {name!r}", reason="DATASET_VERSION_NOT_FOUND")
        found = self.datasets[name]
        counts = {subset: sum(item.subset is subset for item in found) for subset in Subset}
        return DatasetFacts(name, "digest", 1, counts)

    def items(self, dataset_version: str) -> Iterator[ItemFacts]:
        self._answer()
        yield from self.datasets[dataset_version]

    def has_blob(self, name: str) -> bool:
        self._answer()
        return False

    def reserve_version(
        self, *, model: str, architecture: str, task: Task, training_job: str, dataset_version: str, request_id: str
    ) -> str:
        self._answer()
        if request_id not in self._requests:
            name = f"{model}/versions/{len(self.versions) + 1}"
            self._requests[request_id] = name
            self.versions[name] = Version()
        return self._requests[request_id]

    def start_version(self, name: str) -> None:
        self._move(name, {"CREATED", "TRAINING"}, "TRAINING")

    def complete_version(self, name: str, bundle_sha256: str, metrics: Mapping[str, float]) -> None:
        if self.refuse_completion is not None:
            raise self.refuse_completion
        version = self._move(name, {"TRAINING", "TRAINED"}, "TRAINED")
        version.bundle, version.metrics = bundle_sha256, metrics
        version.completions += 1

    def fail_version(self, name: str, error: JobError) -> None:
        version = self._move(name, {"CREATED", "TRAINING", "FAILED"}, "FAILED")
        version.error = version.error or error

    def _move(self, name: str, allowed: set[str], state: str) -> Version:
        self._answer()
        version = self.versions[name]
        if version.state not in allowed:
            raise FailedPreconditionError(f"{name} is {version.state}", reason="MODEL_VERSION_STATE")
        version.state = state
        return version

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("the registry is away")
