"""From what a client calls a model to what answers, and the list of all there is."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from framecast.errors import UnavailableError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import ModelCache
from framecast_inference.open_inference.endpoint import Endpoint, make_endpoint
from framecast_inference.open_inference.model_name import (
    ModelReference,
    model_of,
    parse_reference,
    split_version_name,
)
from framecast_inference.open_inference.statistics import Statistics
from framecast_inference.ports import Blobs, ModelListing, Registry
from framecast_inference.served_versions import ServedVersions

LATEST_FRESH_S = 1.0
"""For so long a request without a version may go to the version that was the newest before."""

_STALE_S = 10.0
"""For so long others may go on with it while one asks the registry again, and all while the registry is away."""

_MAX_REMEMBERED = 1024


@dataclass(frozen=True)
class IndexRow:
    """A version, as the repository's index says it."""

    name: str
    version: str
    reason: str
    """Why it is not in memory; empty where it is."""


@dataclass
class _Resolved:
    endpoint: Endpoint
    fresh_until: float
    changes: int
    """Of the versions that are served, when this was resolved."""
    asking: bool = False


class ModelCatalog:
    """Calls may come from several threads at once. Nothing here loads a model."""

    def __init__(
        self,
        registry: Registry,
        listing: ModelListing,
        blobs: Blobs,
        models: ModelCache[LoadedModel],
        served: ServedVersions,
        statistics: Statistics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._listing = listing
        self._blobs = blobs
        self._models = models
        self._served = served
        self._statistics = statistics
        self._clock = clock
        self._resolved: dict[tuple[str, str], _Resolved] = {}
        self._endpoints: dict[tuple[str, bool], Endpoint] = {}
        self._lock = threading.Lock()

    def endpoint(self, name: str, version: str) -> Endpoint:
        """What answers under a name, an empty version meaning the one that is served.

        Raises InvalidArgumentError for a malformed name, NotFoundError for an unknown one, FailedPreconditionError for
        a version that is not trained, a model without one, or the bare graph of a bundle that has several.
        """
        resolved = self._resolved.get((name, version))
        if resolved is not None and resolved.changes == self._served.changes:
            now = self._clock()
            if now < resolved.fresh_until or (resolved.asking and now < resolved.fresh_until + _STALE_S):
                return resolved.endpoint
            resolved.asking = True  # two at once do no harm
        try:
            return self._resolve(name, version)
        except UnavailableError:
            if resolved is None:
                raise
            # Better the newest that is known than none.
            resolved.fresh_until = self._clock() + _STALE_S
            return resolved.endpoint
        finally:
            if resolved is not None:
                resolved.asking = False

    def _resolve(self, name: str, version: str) -> Endpoint:
        reference = parse_reference(name, version)
        changes = self._served.changes
        endpoint = self._endpoint(self.with_version(reference))
        until = float("inf") if reference.version else self._clock() + LATEST_FRESH_S
        with self._lock:
            _make_room(self._resolved)
            self._resolved[name, version] = _Resolved(endpoint, until, changes)
        return endpoint

    def with_version(self, reference: ModelReference) -> ModelReference:
        """The same with a version: the one that is served where it has none. Raises as `endpoint`."""
        if reference.version:
            return reference
        version = split_version_name(self._served.current(reference.model))[1]
        return ModelReference(reference.model, version, reference.network)

    def loaded(self, version_name: str) -> LoadedModel | None:
        """The model, where it is in memory; it may leave at any time."""
        return next((model for model in self._models.loaded() if model.name == version_name), None)

    def loaded_endpoints(self) -> list[Endpoint]:
        """Both sides, where there are two, of every model in memory."""
        found = []
        for model in self._models.loaded():
            for network in (False, True)[: 1 + (len(model.manifest.graphs) == 1)]:
                found.append(self._remembered(model.name, network, model.manifest, model.bundle_sha256))
        return found

    def trained_versions(self, model: str) -> list[str]:
        """Ids of the versions that can be asked, newest first. Raises NotFoundError."""
        return [
            split_version_name(version.name)[1]
            for version in self._listing.model_versions(model)
            if version.state == ModelVersion.TRAINED
        ]

    def index(self, *, ready_only: bool) -> Iterator[IndexRow]:
        """Every version of the registry, and the bare graphs of those in memory; or only what is in memory."""
        ready = [_ready_row(endpoint) for endpoint in self.loaded_endpoints()]
        yield from ready
        if ready_only:
            return
        known = {(row.name, row.version) for row in ready}
        for model in self._listing.models():
            for each in self._listing.model_versions(model):
                _, version = split_version_name(each.name)
                if (model, version) not in known:
                    yield IndexRow(model, version, _reason(each))

    def _endpoint(self, reference: ModelReference) -> Endpoint:
        known = self._endpoints.get((reference.version_name, reference.network))
        if known is not None:
            return known
        sha256 = self._registry.trained_bundle(reference.version_name)
        manifest = bundle_manifest.from_json(self._blobs.read(sha256))
        return self._remembered(reference.version_name, reference.network, manifest, sha256)

    def _remembered(self, version_name: str, network: bool, manifest: ModelBundle, sha256: str) -> Endpoint:
        with self._lock:
            known = self._endpoints.get((version_name, network))
            if known is None:
                known = make_endpoint(
                    version_name,
                    network=network,
                    manifest=manifest,
                    bundle_sha256=sha256,
                    counters=self._statistics.counters(version_name, network=network),
                )
                _make_room(self._endpoints)
                self._endpoints[version_name, network] = known
            return known


def _make_room(remembered: "dict[tuple[str, str], _Resolved] | dict[tuple[str, bool], Endpoint]") -> None:
    if len(remembered) >= _MAX_REMEMBERED:
        remembered.clear()  # all of it can be had again


def _ready_row(endpoint: Endpoint) -> IndexRow:
    model, version = split_version_name(endpoint.version_name)
    return IndexRow(model_of(model, network=endpoint.network), version, "")


def _reason(version: ModelVersion) -> str:
    if version.state == ModelVersion.TRAINED:
        return "unloaded"
    state = ModelVersion.State.Name(version.state).lower()
    return f"{state}: {version.error.message}" if version.error.message else state
