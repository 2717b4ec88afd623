"""What operators do with models in memory: load, free, list them, and say which version a model serves."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import CacheRow, ModelCache
from framecast_inference.served_versions import ServedVersions
from framecast_runtime.paging import cut_page, read_page


@dataclass(frozen=True, eq=False)
class MemoryRow:
    """A model version in memory, on its way there, or on its way out."""

    cached: CacheRow[LoadedModel]
    active_calls: int
    """That use it now; what only holds it in memory does not count."""
    served: bool
    held: bool

    @property
    def name(self) -> str:
        """`projects/{project}/models/{model}/versions/{version}`."""
        return self.cached.name


class LoadedModels:
    def __init__(self, models: ModelCache[LoadedModel], served: ServedVersions) -> None:
        self._models = models
        self._served = served

    @property
    def memory_bytes(self) -> int:
        """Of all models in memory."""
        return self._models.memory_bytes

    @property
    def memory_budget_bytes(self) -> int:
        """Above it the least recently used leave."""
        return self._models.max_bytes

    def lease(self, name: str, *, version: str = "") -> AbstractContextManager[LoadedModel]:
        """See `ServedVersions.lease`."""
        return self._served.lease(name, version=version)

    def load(self, name: str) -> MemoryRow:
        """Returns when the version that the name stands for is in memory, and warm. Raises as `lease`."""
        with self._served.lease(name) as model:
            return self._row_of(model, own_leases=1)

    def serve(self, version_name: str) -> MemoryRow:
        """See `ServedVersions.serve`."""
        return self._row_of(self._served.serve(version_name))

    def unload(self, version_name: str) -> bool:
        """See `ServedVersions.unload`."""
        return self._served.unload(version_name)

    def list(self, page_size: int, page_token: str) -> tuple[list[MemoryRow], str]:
        """A page of all versions by name, and the token of the next one; empty where there is none.

        A version that leaves while it is loaded anew is there twice, and a page holds both.
        """
        page = read_page(page_size, page_token)
        rows = sorted(self._models.rows(), key=lambda row: (row.name, row.load_time_s))
        rest = [row for row in rows if page.after is None or row.name > page.after]
        names = sorted({row.name for row in rest})[: page.size + 1]
        wanted, next_page_token = cut_page(names, page, lambda name: name)
        return [self._row(row) for row in rest if row.name in wanted], next_page_token

    def _row_of(self, model: LoadedModel, *, own_leases: int = 0) -> MemoryRow:
        rows = [row for row in self._models.rows() if row.model is model]
        return self._row(rows[0], own_leases=own_leases)

    def _row(self, row: CacheRow[LoadedModel], *, own_leases: int = 0) -> MemoryRow:
        held = self._served.holds(row.name)
        return MemoryRow(row, row.users - held - own_leases, self._served.is_served(row.name), held)
