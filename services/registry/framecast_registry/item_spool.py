"""Items of a version that is still coming in: on disk, so that no database lock waits for a slow caller."""

import pickle
import tempfile
from collections.abc import Iterator

from framecast_registry.domain import DatasetItem

BATCH_ITEMS = 1000
_MEMORY_BYTES = 16 * 1024**2


class ItemSpool:
    """Takes items one by one, gives them back in order by batches; used within `with`."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115  # closed by __exit__
        self._batch: list[DatasetItem] = []
        self._batches = 0

    def __enter__(self) -> "ItemSpool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, item: DatasetItem) -> None:
        self._batch.append(item)
        if len(self._batch) == BATCH_ITEMS:
            self._write()

    def batches(self) -> Iterator[list[DatasetItem]]:
        """All items, at most 1000 at a time."""
        if self._batch:
            self._write()
        self._file.seek(0)
        for _ in range(self._batches):
            yield pickle.load(self._file)  # noqa: S301  # nobody but this object ever wrote to the file

    def _write(self) -> None:
        pickle.dump(self._batch, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._batch = []
        self._batches += 1
