"""What a model's bare name stands for, and switching it while others use it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from framecast.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, UnavailableError
from framecast.v1.model_pb2 import ModelVersion
from framecast_inference.model_cache import ModelCache, ModelState
from framecast_inference.preload import Preload, parse_preload_list
from framecast_inference.served_versions import ServedVersions
from tests.support.waiting import until

CARS = "projects/p/models/cars"
FIRST, SECOND, THIRD = (f"{CARS}/versions/{number}" for number in (1, 2, 3))


class Model:
    memory_bytes = 10

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Listing:
    """A registry that says which version is the newest."""

    def __init__(self) -> None:
        self.newest = SECOND
        self.away = False

    def models(self) -> Iterator[str]:
        raise AssertionError("nobody asks for the list")

    def model_versions(self, model: str) -> Iterator[ModelVersion]:
        raise AssertionError("nobody asks for the list")

    def latest_trained_version(self, model: str) -> str:
        if self.away:
            raise UnavailableError("the registry is away")
        return self.newest if model == CARS else ""


class World:
    def __init__(self, *, max_models: int = 9) -> None:
        self.listing = Listing()
        self.loaded: list[Model] = []
        self.failing: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.models: ModelCache[Any] = ModelCache(self.load, max_models=max_models, max_bytes=1000)
        self.served = ServedVersions(self.models, self.listing)

    def load(self, name: str) -> Model:
        assert self.gate.wait(30)
        if name in self.failing:
            raise DataLossError(f"{name} is damaged", reason="BLOB_BYTES_DAMAGED")
        self.loaded.append(Model(name))
        return self.loaded[-1]

    def ask(self, name: str, **options: str) -> str:
        with self.served.lease(name, **options) as model:
            assert not model.closed  # type: ignore[attr-defined]
            return model.name

    @property
    def open(self) -> list[str]:
        return sorted(model.name for model in self.loaded if not model.closed)


@pytest.fixture
def world() -> World:
    return World()


def test_a_bare_name_stands_for_the_newest_version_until_one_is_served(world: World) -> None:
    assert world.ask(CARS) == SECOND
    assert world.ask(FIRST) == FIRST
    world.served.serve(FIRST)
    assert world.ask(CARS) == FIRST
    world.listing.newest = THIRD
    assert world.ask(CARS) == FIRST
    assert world.served.current(CARS) == FIRST


def test_a_version_that_is_known_goes_before_the_one_served(world: World) -> None:
    world.served.serve(FIRST)
    assert world.ask(CARS, version="3") == THIRD
    assert world.ask(SECOND, version="3") == SECOND


def test_what_is_no_name_or_has_no_version_is_refused(world: World) -> None:
    with pytest.raises(InvalidArgumentError, match="model_version must look like"):
        world.ask("cars")
    with pytest.raises(FailedPreconditionError) as refused:
        world.ask("projects/p/models/untrained")
    assert refused.value.reason == "MODEL_NOT_TRAINED"
    with pytest.raises(InvalidArgumentError):
        world.served.serve(CARS)


def test_without_the_registry_the_newest_version_known_answers(world: World) -> None:
    world.listing.away = True
    with pytest.raises(UnavailableError):
        world.ask(CARS)
    world.listing.away = False
    world.ask(CARS)
    world.listing.away = True
    assert world.ask(CARS) == SECOND


def test_a_switch_frees_the_version_before_behind_its_last_user(world: World) -> None:
    world.served.serve(FIRST)
    with world.served.lease(CARS) as running:
        world.served.serve(SECOND)
        assert world.ask(CARS) == SECOND
        assert world.open == [FIRST, SECOND]
        assert running.name == FIRST
    assert world.open == [SECOND]


def test_while_the_new_version_loads_the_one_before_answers(world: World) -> None:
    world.served.serve(FIRST)
    world.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        switching = pool.submit(world.served.serve, SECOND)
        until(lambda: any(row.state is ModelState.LOADING for row in world.models.rows()))
        assert world.ask(CARS) == FIRST
        world.gate.set()
        switching.result()
    assert world.ask(CARS) == SECOND


def test_a_version_that_does_not_load_is_not_switched_to(world: World) -> None:
    world.served.serve(FIRST)
    world.failing.add(SECOND)
    with pytest.raises(DataLossError):
        world.served.serve(SECOND)
    assert world.ask(CARS) == FIRST
    assert world.open == [FIRST]


def test_requests_under_way_while_it_switches_never_meet_a_version_that_left(world: World) -> None:
    world.served.serve(FIRST)
    stop = threading.Event()

    def ask() -> int:
        asked = 0
        while not stop.is_set():
            assert world.ask(CARS) in (FIRST, SECOND)
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for _ in range(50):
            world.served.serve(SECOND)
            world.served.serve(FIRST)
        stop.set()
        assert all(each.result() for each in asking)
    assert len(world.loaded) == 101  # none was loaded again for a request that came late
    assert world.open == [FIRST]


def test_a_served_version_does_not_leave_to_make_room() -> None:
    world = World(max_models=1)
    world.served.serve(FIRST)
    world.ask(SECOND)
    world.ask(THIRD)
    assert world.open == [FIRST]
    assert world.served.holds(FIRST)


def test_unloading_what_is_served_makes_the_newest_answer(world: World) -> None:
    world.served.serve(FIRST)
    before = world.served.changes
    assert world.served.unload(FIRST)
    assert world.served.changes > before
    assert world.open == []
    assert world.ask(CARS) == SECOND
    assert not world.served.unload(FIRST)


def test_serving_the_same_version_again_changes_nothing(world: World) -> None:
    world.served.serve(FIRST)
    world.served.serve(FIRST)
    assert world.ask(CARS) == FIRST
    assert len(world.loaded) == 1


def test_preloaded_models_stay_even_behind_a_switch(world: World) -> None:
    preload = Preload(world.served, [CARS, FIRST])
    assert not preload.done
    assert preload.run()
    assert preload.done
    assert world.open == [FIRST, SECOND]
    world.served.serve(FIRST)
    world.served.serve(THIRD)
    assert world.open == [FIRST, SECOND, THIRD]
    world.served.close()
    world.models.close()
    assert world.open == []


def test_a_model_that_does_not_load_is_tried_again_until_it_does(world: World) -> None:
    world.failing.add(FIRST)
    preload = Preload(world.served, [FIRST], first_pause_s=0.001)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(preload.run)
        assert not preload.done
        world.failing.clear()
        assert running.result()
    assert world.open == [FIRST]


def test_preloading_can_be_stopped(world: World) -> None:
    world.failing.add(FIRST)
    preload = Preload(world.served, [FIRST], first_pause_s=3600)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(preload.run)
        preload.stop()
        assert not running.result()
    assert not preload.done


def test_nothing_to_preload_is_ready_at_once(world: World) -> None:
    assert Preload(world.served, []).done


def test_the_preload_list_takes_models_and_versions_and_nothing_else() -> None:
    assert parse_preload_list(f"{CARS}, {FIRST}\n{SECOND}") == [CARS, FIRST, SECOND]
    assert parse_preload_list("") == []
    with pytest.raises(InvalidArgumentError, match="FRAMECAST_PRELOAD_MODELS"):
        parse_preload_list(f"{CARS},cars")
