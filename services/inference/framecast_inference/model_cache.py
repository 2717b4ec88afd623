"""Models in memory: each version loaded once, the least recently used leaves first, none while it is in use."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from framecast_inference.error_copy import copy_of

log = logging.getLogger(__name__)


class CachedModel(Protocol):
    """What the cache must know of a model."""

    @property
    def size_bytes(self) -> int:
        """What it weighs against the budget."""

    def close(self) -> None:
        """Frees it; it is not in use."""


M = TypeVar("M", bound=CachedModel)


@dataclass(eq=False)
class _Entry(Generic[M]):
    ready: threading.Event
    model: M | None = None
    error: BaseException | None = None
    users: int = 0


class ModelCache(Generic[M]):
    """Keeps at most `max_models` models and `max_bytes` bytes of them, more only while all are in use.

    `load` is called without a lock held, once for a name however many ask at the same time; when it fails, all who
    waited get its error and the next one who asks loads again.
    """

    def __init__(self, load: Callable[[str], M], *, max_models: int, max_bytes: int) -> None:
        self._load = load
        self._max_models = max_models
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[M]] = OrderedDict()

    @contextmanager
    def lease(self, name: str) -> Iterator[M]:
        """The model, loaded where it is not, and held in memory until the context ends. Raises what `load` raises."""
        with self._lock:
            entry = self._entries.get(name)
            mine = entry is None
            if entry is None:
                entry = self._entries[name] = _Entry(threading.Event())
            entry.users += 1
            self._entries.move_to_end(name)
        try:
            if mine:
                self._fill(name, entry)
            yield self._wait(entry)
        finally:
            with self._lock:
                entry.users -= 1
                leaving = self._pop_surplus()
            _close_all(leaving)

    def close(self) -> None:
        """Closes every model; nothing may be in use."""
        with self._lock:
            leaving = [(name, entry.model) for name, entry in self._entries.items() if entry.model is not None]
            self._entries.clear()
        _close_all(leaving)

    def _fill(self, name: str, entry: _Entry[M]) -> None:
        try:
            entry.model = self._load(name)
        except BaseException as error:
            entry.error = error
            with self._lock:
                del self._entries[name]
            raise
        finally:
            entry.ready.set()
        log.info("model_loaded", extra={"model_version": name, "size_bytes": entry.model.size_bytes})
        with self._lock:
            leaving = self._pop_surplus()
        _close_all(leaving)

    def _wait(self, entry: _Entry[M]) -> M:
        entry.ready.wait()
        if entry.error is not None:
            raise copy_of(entry.error)
        assert entry.model is not None
        return entry.model

    def _pop_surplus(self) -> list[tuple[str, M]]:
        loaded = [(name, entry) for name, entry in self._entries.items() if entry.model is not None]
        count = len(loaded)
        size = sum(entry.model.size_bytes for _, entry in loaded if entry.model is not None)
        leaving: list[tuple[str, M]] = []
        for name, entry in loaded:
            if count <= self._max_models and size <= self._max_bytes:
                break
            if entry.users or entry.model is None:
                continue
            del self._entries[name]
            leaving.append((name, entry.model))
            count -= 1
            size -= entry.model.size_bytes
        return leaving


def _close_all(models: list[tuple[str, M]]) -> None:
    for name, model in models:
        model.close()
        log.info("model_unloaded", extra={"model_version": name})
