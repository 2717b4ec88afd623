"""Use cases on memory adapters, with a clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from framecast_registry.memory_metadata_store import MemoryMetadataStore
from framecast_registry.projects import Projects
from framecast_runtime.object_store import ObjectStore, open_object_store


@dataclass
class Clock:
    """Says the time that it was set to."""

    time: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        """Moves on by a `timedelta` of these parts."""
        self.time += timedelta(**span)


@dataclass
class MemoryBackends:
    """A metadata store with the default project, an object store and a clock."""

    metadata: MemoryMetadataStore = field(default_factory=MemoryMetadataStore)
    objects: ObjectStore = field(default_factory=lambda: open_object_store("memory://"))
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        Projects(self.metadata, self.clock).ensure_default()
