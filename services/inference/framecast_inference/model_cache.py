"""Models in memory: each version loaded once, the least recently used leaves first, none while it is in use."""

import enum
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from framecast_inference.error_copy import copy_of

log = logging.getLogger(__name__)


class CachedModel(Protocol):
    """What the cache must know of a model."""

    @property
    def memory_bytes(self) -> int:
        """What it weighs against the budget."""

    def close(self) -> None:
        """Frees it; it is not in use."""


M = TypeVar("M", bound=CachedModel)


class ModelState(enum.Enum):
    """Where a model of the cache stands."""

    LOADING = enum.auto()
    READY = enum.auto()
    LEAVING = enum.auto()
    """Unloaded; its last user frees it."""


@dataclass(frozen=True, eq=False)
class CacheRow(Generic[M]):
    """A model of the cache, as it was when somebody looked."""

    name: str
    state: ModelState
    model: M | None
    """None while it is loading. Not held: it may leave at any time."""
    users: int
    load_time_s: float
    """When it was ready, or when its load began, as `time.time` has it."""
    last_use_time_s: float


@dataclass(eq=False)
class _Entry(Generic[M]):
    ready: threading.Event
    load_time_s: float
    last_use_time_s: float
    model: M | None = None
    error: BaseException | None = None
    memory_bytes: int = 0
    users: int = 0
    unloaded: bool = False
    """Out of the cache, and to be closed by its last user."""


class ModelCache(Generic[M]):
    """Keeps at most `max_models` models and `max_bytes` bytes of them, more only while all are in use.

    `load` is called without a lock held, once for a name however many ask at the same time; when it fails, all who
    waited get its error and the next one who asks loads again. Room is made behind a load, which alone tells what the
    model takes. Memory counts until it is free; of the models, those that leave do not count.
    """

    def __init__(
        self, load: Callable[[str], M], *, max_models: int, max_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._load = load
        self._max_models = max_models
        self.max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[M]] = OrderedDict()
        self._leaving: list[tuple[str, _Entry[M]]] = []
        self._loaded = 0
        self._memory_bytes = 0

    def lease(self, name: str) -> "Lease[M]":
        """The model, loaded where it is not, and held in memory until the context ends. Raises what `load` raises."""
        return Lease(self, name)

    @property
    def memory_bytes(self) -> int:
        """Of all models in memory."""
        return self._memory_bytes

    def loaded(self) -> list[M]:
        """The models in memory, the least recently used first. Not held: any may leave at any time."""
        with self._lock:
            return [entry.model for entry in self._entries.values() if entry.model is not None]

    def rows(self) -> list[CacheRow[M]]:
        """What is in memory, on its way there, or on its way out."""
        with self._lock:
            present = [
                (name, entry, ModelState.LOADING if entry.model is None else ModelState.READY)
                for name, entry in self._entries.items()
            ]
            present += [(name, entry, ModelState.LEAVING) for name, entry in self._leaving]
            return [
                CacheRow(name, state, entry.model, entry.users, entry.load_time_s, entry.last_use_time_s)
                for name, entry, state in present
            ]

    def unload(self, name: str) -> bool:
        """Frees a model, at once or when its last user has left; who asks for it from now on loads it again.

        False where it is not in memory; a load under way is let be.
        """
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or entry.model is None:
                return False
            self._remove(name, entry)
            if entry.users:
                entry.unloaded = True
                self._leaving.append((name, entry))
                return True
            self._memory_bytes -= entry.memory_bytes
        _close_all([(name, entry.model)])
        return True

    def close(self) -> None:
        """Closes every model; nothing may be in use."""
        with self._lock:
            present = [*self._entries.items(), *self._leaving]
            leaving = [(name, entry.model) for name, entry in present if entry.model is not None]
            self._entries.clear()
            self._leaving.clear()
            self._loaded = self._memory_bytes = 0
        _close_all(leaving)

    def _take(self, name: str) -> tuple[_Entry[M], M]:
        with self._lock:
            entry = self._entries.get(name)
            mine = entry is None
            now = self._clock()
            if entry is None:
                entry = self._entries[name] = _Entry(threading.Event(), now, now)
            entry.users += 1
            entry.last_use_time_s = now
            self._entries.move_to_end(name)
        if entry.model is not None:
            return entry, entry.model
        try:
            if mine:
                self._fill(name, entry)
            return entry, self._wait(entry)
        except BaseException:
            self._give_back(name, entry)
            raise

    def _give_back(self, name: str, entry: _Entry[M]) -> None:
        with self._lock:
            entry.users -= 1
            leaving = []
            if entry.unloaded and entry.users == 0 and entry.model is not None:
                self._leaving.remove((name, entry))
                self._memory_bytes -= entry.memory_bytes
                leaving.append((name, entry.model))
            leaving += self._pop_surplus()
        if leaving:
            _close_all(leaving)

    def _fill(self, name: str, entry: _Entry[M]) -> None:
        try:
            model = self._load(name)
            with self._lock:
                entry.model, entry.memory_bytes = model, model.memory_bytes
                entry.load_time_s = self._clock()
                self._loaded += 1
                self._memory_bytes += entry.memory_bytes
                leaving = self._pop_surplus()
        except BaseException as error:
            entry.error = error
            with self._lock:
                del self._entries[name]
            raise
        finally:
            entry.ready.set()
        log.info("model_loaded", extra={"model_version": name, "memory_bytes": entry.memory_bytes})
        _close_all(leaving)

    def _wait(self, entry: _Entry[M]) -> M:
        entry.ready.wait()
        if entry.error is not None:
            raise copy_of(entry.error)
        assert entry.model is not None
        return entry.model

    def _pop_surplus(self) -> list[tuple[str, M]]:
        leaving: list[tuple[str, M]] = []
        if not self._is_over_budget():
            return leaving
        for name, entry in list(self._entries.items()):
            if entry.users or entry.model is None:
                continue
            self._remove(name, entry)
            self._memory_bytes -= entry.memory_bytes
            leaving.append((name, entry.model))
            if not self._is_over_budget():
                break
        return leaving

    def _is_over_budget(self) -> bool:
        return self._loaded > self._max_models or self._memory_bytes > self.max_bytes

    def _remove(self, name: str, entry: _Entry[M]) -> None:
        del self._entries[name]
        self._loaded -= 1


class Lease(Generic[M]):
    """See `ModelCache.lease`. Every request takes one, so it is a plain class: a generator would cost more."""

    __slots__ = ("_cache", "_entry", "_name")

    def __init__(self, cache: ModelCache[M], name: str) -> None:
        self._cache = cache
        self._name = name

    def __enter__(self) -> M:
        self._entry, model = self._cache._take(self._name)
        return model

    def __exit__(self, *_: object) -> None:
        self._cache._give_back(self._name, self._entry)


def _close_all(models: list[tuple[str, M]]) -> None:
    for name, model in models:
        model.close()
        log.info("model_unloaded", extra={"model_version": name})
