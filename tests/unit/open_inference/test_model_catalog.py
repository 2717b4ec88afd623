"""Which version answers, and when the registry is asked for it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from framecast.errors import FailedPreconditionError, NotFoundError, UnavailableError
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_inference.model_cache import ModelCache
from framecast_inference.open_inference.model_catalog import LATEST_FRESH_S, IndexRow, ModelCatalog
from framecast_inference.open_inference.statistics import Statistics
from framecast_inference.served_versions import ServedVersions
from tests.unit.bundle import tiny_bundles

MODEL = "projects/default/models/m"


class Listing:
    """A registry of one model, whose versions all have the same bundle; counts what it is asked."""

    def __init__(self) -> None:
        self.bundle = tiny_bundles.yolov5()
        self.versions = [ModelVersion(name=f"{MODEL}/versions/1", state=ModelVersion.TRAINED)]
        self.asked = 0
        self.away = False
        self.gate = threading.Event()
        self.gate.set()

    def models(self) -> Iterator[str]:
        yield MODEL

    def model_versions(self, model: str) -> Iterator[ModelVersion]:
        if model != MODEL:
            raise NotFoundError(f"no model {model!r}")
        yield from reversed(self.versions)

    def latest_trained_version(self, model: str) -> str:
        self.asked += 1
        assert self.gate.wait(30)
        if self.away:
            raise UnavailableError("the registry is away")
        trained = [each.name for each in self.model_versions(model) if each.state == ModelVersion.TRAINED]
        return trained[0] if trained else ""

    def trained_bundle(self, model_version: str) -> str:
        if self.away:
            raise UnavailableError("the registry is away")
        return "ab" * 32

    def read(self, sha256: str) -> bytes:
        return bundle_manifest.to_json(self.bundle.manifest)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def listing() -> Listing:
    return Listing()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def never(name: str) -> Any:
    raise AssertionError("nothing here loads a model")


@pytest.fixture
def catalog(listing: Any, clock: Clock) -> ModelCatalog:
    models: ModelCache[Any] = ModelCache(never, max_models=1, max_bytes=1)
    served = ServedVersions(models, listing)
    return ModelCatalog(listing, listing, listing, models, served, Statistics(), clock=clock)


def add_version(listing: Listing, state: Any = ModelVersion.TRAINED) -> None:
    listing.versions.append(ModelVersion(name=f"{MODEL}/versions/{len(listing.versions) + 1}", state=state))


def test_a_new_version_answers_within_a_second_and_the_registry_is_asked_once_a_second(
    catalog: ModelCatalog, listing: Listing, clock: Clock
) -> None:
    assert {catalog.endpoint("m", "").version for _ in range(50)} == {"1"}
    assert listing.asked == 1
    add_version(listing)
    assert catalog.endpoint("m", "").version == "1"
    clock.now += LATEST_FRESH_S
    assert catalog.endpoint("m", "").version == "2"
    assert listing.asked == 2


def test_a_version_that_is_named_needs_the_registry_once(catalog: ModelCatalog, listing: Listing, clock: Clock) -> None:
    first = catalog.endpoint("m", "1")
    listing.away = True
    clock.now += 1e6
    assert catalog.endpoint("m", "1") is first
    assert catalog.endpoint("default/m", "1") is first
    assert listing.asked == 0


def test_while_the_registry_is_away_the_last_known_version_answers(
    catalog: ModelCatalog, listing: Listing, clock: Clock
) -> None:
    assert catalog.endpoint("m", "").version == "1"
    listing.away = True
    clock.now += 3600
    assert catalog.endpoint("m", "").version == "1"
    asked = listing.asked
    assert catalog.endpoint("m", "").version == "1"
    assert listing.asked == asked  # and is not asked again at once
    with pytest.raises(UnavailableError):
        catalog.endpoint("m:network", "")


def test_one_asks_the_registry_and_nobody_waits_for_it(catalog: ModelCatalog, listing: Listing, clock: Clock) -> None:
    catalog.endpoint("m", "")
    clock.now += LATEST_FRESH_S
    listing.gate.clear()
    asking = threading.Thread(target=catalog.endpoint, args=("m", ""))
    asking.start()
    while listing.asked < 2:
        pass
    assert catalog.endpoint("m", "").version == "1"
    assert listing.asked == 2
    listing.gate.set()
    asking.join()


def test_a_model_without_a_trained_version_is_told_apart_from_an_unknown_one(
    catalog: ModelCatalog, listing: Listing
) -> None:
    listing.versions = []
    with pytest.raises(FailedPreconditionError, match="no trained version"):
        catalog.endpoint("m", "")
    with pytest.raises(NotFoundError):
        catalog.endpoint("n", "")


def test_the_bare_graph_of_a_bundle_with_several_is_refused_with_their_names(
    catalog: ModelCatalog, listing: Listing
) -> None:
    listing.bundle = tiny_bundles.mask_rcnn()
    assert catalog.endpoint("m", "").inputs[0].name == "image"
    with pytest.raises(FailedPreconditionError, match="dense, boxes, masks"):
        catalog.endpoint("m:network", "")


def test_the_index_lists_every_version_with_its_reason(catalog: ModelCatalog, listing: Listing) -> None:
    add_version(listing, ModelVersion.TRAINING)
    add_version(listing, ModelVersion.FAILED)
    listing.versions[2].error.message = "no labels"
    assert list(catalog.index(ready_only=False)) == [
        IndexRow(MODEL, "3", "failed: no labels"),
        IndexRow(MODEL, "2", "training"),
        IndexRow(MODEL, "1", "unloaded"),
    ]
    assert list(catalog.index(ready_only=True)) == []
