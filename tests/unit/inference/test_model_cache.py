"""Models in memory: loaded once, dropped in order, never while in use."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from framecast.errors import DataLossError
from framecast_inference.model_cache import ModelCache, ModelState
from tests.support.waiting import until


@dataclass
class Model:
    name: str
    memory_bytes: int = 10
    closed: bool = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Loader:
    def __init__(self) -> None:
        self.loaded: list[Model] = []
        self.failures: list[Exception] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, name: str) -> Model:
        assert self.gate.wait(30)
        if self.failures:
            raise self.failures.pop()
        self.loaded.append(Model(name))
        return self.loaded[-1]


@pytest.fixture
def loader() -> Loader:
    return Loader()


def cache_of(loader: Loader, *, max_models: int = 2, max_bytes: int = 1000) -> ModelCache[Model]:
    return ModelCache(loader, max_models=max_models, max_bytes=max_bytes)


def touch(cache: ModelCache[Model], *names: str) -> None:
    for name in names:
        with cache.lease(name) as model:
            assert model.name == name
            assert not model.closed


def test_many_who_ask_at_once_share_one_load(loader: Loader) -> None:
    cache = cache_of(loader)
    loader.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(touch, cache, "a") for _ in range(16)]
        loader.gate.set()
        for each in waiting:
            each.result()
    assert len(loader.loaded) == 1


def test_the_least_recently_used_leaves_first(loader: Loader) -> None:
    cache = cache_of(loader)
    touch(cache, "a", "b", "a", "c")
    assert [model.name for model in loader.loaded if model.closed] == ["b"]
    touch(cache, "a", "c")
    assert len(loader.loaded) == 3


def test_the_memory_budget_counts_bytes(loader: Loader) -> None:
    cache = cache_of(loader, max_models=9, max_bytes=25)
    touch(cache, "a", "b", "c")
    assert [model.name for model in loader.loaded if model.closed] == ["a"]


def test_a_model_in_use_stays_above_the_limit_and_leaves_afterwards(loader: Loader) -> None:
    cache = cache_of(loader, max_models=1)
    with cache.lease("a") as first:
        with cache.lease("b") as second:
            assert not first.closed
            assert not second.closed
        assert not first.closed
    touch(cache, "c")
    assert first.closed
    assert second.closed


def test_a_failed_load_reaches_all_who_wait_and_does_not_stick(loader: Loader) -> None:
    cache = cache_of(loader)
    loader.failures.append(DataLossError("bytes are gone", reason="BLOB_BYTES_MISSING", sha256="ab"))
    loader.gate.clear()
    errors = []

    def ask() -> None:
        try:
            touch(cache, "a")
        except DataLossError as error:
            errors.append((error.reason, error.metadata))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while cache._entries["a"].users < 4:
        pass
    loader.gate.set()
    for thread in threads:
        thread.join()
    assert errors == [("BLOB_BYTES_MISSING", {"sha256": "ab"})] * 4
    touch(cache, "a")
    assert len(loader.loaded) == 1


def test_closing_frees_every_model(loader: Loader) -> None:
    cache = cache_of(loader)
    touch(cache, "a", "b")
    cache.close()
    assert all(model.closed for model in loader.loaded)


def test_an_unloaded_model_is_freed_and_loads_again(loader: Loader) -> None:
    cache = cache_of(loader)
    touch(cache, "a", "b")
    assert [model.name for model in cache.loaded()] == ["a", "b"]
    assert cache.unload("a")
    assert [model.name for model in cache.loaded()] == ["b"]
    assert loader.loaded[0].closed
    assert not cache.unload("a")
    touch(cache, "a", "b")
    assert [model.name for model in loader.loaded] == ["a", "b", "a"]
    assert not loader.loaded[2].closed  # what left does not count against the budget


def test_a_model_that_is_unloaded_in_use_is_freed_by_its_last_user(loader: Loader) -> None:
    cache = cache_of(loader)
    with cache.lease("a") as first:
        with cache.lease("a"):
            assert cache.unload("a")
            assert cache.loaded() == []
        assert not first.closed
        with cache.lease("a") as second:
            assert second is not first
    assert first.closed
    assert not second.closed


def test_memory_counts_until_it_is_free(loader: Loader) -> None:
    cache = cache_of(loader, max_models=9, max_bytes=25)
    with cache.lease("a"):
        cache.unload("a")
        assert cache.memory_bytes == 10
        touch(cache, "b", "c")
        assert [model.name for model in loader.loaded if model.closed] == ["b"]
    assert cache.memory_bytes == 10
    touch(cache, "d")
    assert [model.name for model in cache.loaded()] == ["c", "d"]


def test_rows_say_where_each_model_stands(loader: Loader) -> None:
    now = [100.0]
    cache = ModelCache(loader, max_models=9, max_bytes=1000, clock=lambda: now[0])
    with cache.lease("a"), cache.lease("a"):
        now[0] = 200.0
        cache.unload("a")
        with cache.lease("a"):
            rows = [(r.name, r.state, r.users, r.load_time_s, r.last_use_time_s) for r in cache.rows()]
            assert rows == [("a", ModelState.READY, 1, 200.0, 200.0), ("a", ModelState.LEAVING, 2, 100.0, 100.0)]
    assert [(row.state, row.users) for row in cache.rows()] == [(ModelState.READY, 0)]
    loader.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(touch, cache, "b")
        until(lambda: len(cache.rows()) == 2)
        (row,) = [row for row in cache.rows() if row.name == "b"]
        assert (row.state, row.model) == (ModelState.LOADING, None)
        loader.gate.set()
        waiting.result()
    cache.close()
    assert cache.rows() == []
    assert cache.memory_bytes == 0


def test_a_load_under_way_is_not_unloaded(loader: Loader) -> None:
    cache = cache_of(loader)
    loader.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(touch, cache, "a")
        while "a" not in cache._entries:
            pass
        assert not cache.unload("a")
        loader.gate.set()
        waiting.result()
    assert [model.name for model in cache.loaded()] == ["a"]
