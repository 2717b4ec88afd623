"""Which version answers to a model's bare name, and switching it while requests run."""

import logging
import threading
from contextlib import AbstractContextManager

from framecast import names
from framecast.errors import FailedPreconditionError, UnavailableError
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import Lease, ModelCache
from framecast_inference.ports import ModelListing

log = logging.getLogger(__name__)


class ServedVersions:
    """A model's name stands for the version that was chosen by `serve`, else for the newest that is trained.

    The choice lives as long as this process. A version that is served, or held otherwise, is held in memory. Calls may
    come from several threads at once.
    """

    def __init__(self, models: ModelCache[LoadedModel], listing: ModelListing) -> None:
        self._models = models
        self._listing = listing
        self._lock = threading.Lock()
        self._switching = threading.Lock()
        self._served: dict[str, str] = {}
        self._held: dict[str, Lease[LoadedModel]] = {}
        self._preloaded: set[str] = set()
        self._newest: dict[str, str] = {}
        self.changes = 0
        """Grows whenever a bare name may have come to mean something else; who remembers names looks at it."""

    def lease(self, name: str, *, version: str = "") -> AbstractContextManager[LoadedModel]:
        """The model in memory that a version's or a model's name stands for, for as long as the context lasts.

        `version` is the id that a bare name stands for here, where the caller knows it from an earlier stream.
        Raises InvalidArgumentError for a name that is neither, NotFoundError and FailedPreconditionError as `current`,
        and what loading raises.
        """
        if not names.MODEL.matches(name):
            names.MODEL_VERSION.parse(name, field="model_version")
            return self._models.lease(name)
        if version:
            return self._models.lease(f"{name}/versions/{version}")
        with self._lock:
            served = self._served.get(name)
            if served is not None:
                # It is held in memory, so this does not wait, and it cannot leave before it is taken.
                return _Taken(self._models.lease(served))
        return self._models.lease(self._known(name))

    def current(self, model: str) -> str:
        """The name of the version that a model's name stands for.

        Raises NotFoundError for an unknown model, FailedPreconditionError for one without a trained version.
        """
        served = self._served.get(model)
        if served is not None:
            return served
        newest = self._listing.latest_trained_version(model)
        if not newest:
            raise FailedPreconditionError(
                f"{model} has no trained version yet; wait until its training is done, or train one",
                reason="MODEL_NOT_TRAINED",
                model=model,
            )
        self._newest[model] = newest
        return newest

    def serve(self, version_name: str) -> LoadedModel:
        """Loads a version and lets its model's name stand for it; the one before is freed behind its last user.

        Requests wait for nothing: until the new version is warm, the one before answers. One switch at a time. Raises
        what loading raises; nothing has changed then.
        """
        ids = names.MODEL_VERSION.parse(version_name, field="model_version")
        model_name = names.MODEL.format(project=ids["project"], model=ids["model"])
        with self._switching:
            model = self._hold(version_name)
            with self._lock:
                before = self._served.get(model_name)
                self._served[model_name] = version_name
                self.changes += 1
            if before is not None and before != version_name:
                self._let_go(before)
        log.info("model_switched", extra={"model_version": version_name, "before": before or ""})
        return model

    def preload(self, name: str) -> None:
        """Loads a version, or the one that a model's name stands for, and holds it in memory from now on."""
        version_name = name if names.MODEL_VERSION.matches(name) else self.current(name)
        with self._switching:
            self._hold(version_name)
            self._preloaded.add(version_name)

    def unload(self, version_name: str) -> bool:
        """Frees a version, whoever held it; its model's name stands for the newest one again if it was served.

        False where it is not in memory.
        """
        names.MODEL_VERSION.parse(version_name, field="model_version")
        with self._switching:
            with self._lock:
                for model_name in [model for model, version in self._served.items() if version == version_name]:
                    del self._served[model_name]
                self.changes += 1
            self._preloaded.discard(version_name)
            unloaded = self._models.unload(version_name)
            self._release(version_name)
        return unloaded

    def is_served(self, version_name: str) -> bool:
        """Whether its model's bare name stands for it by choice."""
        with self._lock:
            return version_name in self._served.values()

    def holds(self, version_name: str) -> bool:
        """Whether it never leaves to make room."""
        with self._lock:
            return version_name in self._held

    def close(self) -> None:
        """Lets go of everything."""
        for version_name in list(self._held):
            self._release(version_name)

    def _known(self, model: str) -> str:
        """The same; the newest that is known while the registry is away."""
        try:
            return self.current(model)
        except UnavailableError:
            if model not in self._newest:
                raise
            return self._newest[model]

    def _hold(self, version_name: str) -> LoadedModel:
        with self._models.lease(version_name) as model:
            if version_name not in self._held:
                held = self._models.lease(version_name)
                held.__enter__()
                with self._lock:
                    self._held[version_name] = held
            return model

    def _let_go(self, version_name: str) -> None:
        if version_name in self._preloaded:
            return
        self._models.unload(version_name)
        self._release(version_name)

    def _release(self, version_name: str) -> None:
        with self._lock:
            held = self._held.pop(version_name, None)
        if held is not None:
            held.__exit__()


class _Taken:
    """A lease that is taken as soon as it is made, not when its context is entered."""

    __slots__ = ("_lease", "_model")

    def __init__(self, lease: Lease[LoadedModel]) -> None:
        self._lease = lease
        self._model = lease.__enter__()

    def __enter__(self) -> LoadedModel:
        return self._model

    def __exit__(self, *_: object) -> None:
        self._lease.__exit__()
