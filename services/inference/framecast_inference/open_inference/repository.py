"""Loading, freeing and counting, on a client's word."""

from collections.abc import Iterator, Mapping
from typing import Any

from framecast.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import ModelCache
from framecast_inference.open_inference.model_catalog import ModelCatalog
from framecast_inference.open_inference.model_name import (
    ModelReference,
    model_of,
    parse_reference,
    split_version_name,
)
from framecast_inference.open_inference.statistics import Statistics
from framecast_inference.open_inference.v2.model_statistics_pb2 import ModelStatistics
from framecast_inference.served_versions import ServedVersions


class Repository:
    def __init__(
        self, catalog: ModelCatalog, models: ModelCache[LoadedModel], served: ServedVersions, statistics: Statistics
    ) -> None:
        self._catalog = catalog
        self._models = models
        self._served = served
        self._statistics = statistics

    def load(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Returns when the model is in memory. Raises as loading does, and for parameters."""
        for parameter in parameters:
            raise UnimplementedError(
                f"parameter {parameter!r} is not supported: a model is loaded as its bundle says; import another",
                reason="LOAD_PARAMETER_UNSUPPORTED",
                parameter=parameter,
            )
        reference = self._catalog.with_version(parse_reference(name, ""))
        with self._models.lease(reference.version_name):
            pass

    def unload(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Frees the version named, or all of the model's, once nobody uses them. NotFoundError for an unknown model."""
        for parameter in parameters:
            if parameter != "unload_dependents":
                raise InvalidArgumentError(
                    f"parameter {parameter!r} is unknown; there is only 'unload_dependents'",
                    reason="PARAMETER_UNKNOWN",
                    field=f"parameters.{parameter}",
                    value=parameter,
                )
        reference = parse_reference(name, "")
        mine = [model.name for model in self._models.loaded() if _is_of(model.name, reference)]
        for version_name in mine:
            self._served.unload(version_name)
        if not mine:
            self._check_exists(reference)

    def is_ready(self, name: str, version: str) -> bool:
        """Whether the version, or where none is named any of the model's, is in memory."""
        if not name:
            raise InvalidArgumentError(
                "name must not be empty; see RepositoryIndex for those there are", reason="NAME_EMPTY", field="name"
            )
        try:
            reference = parse_reference(name, version)
        except InvalidArgumentError:
            return False  # nothing can have such a name
        ready = self._catalog.loaded_endpoints()
        return any(
            endpoint.network == reference.network and _is_of(endpoint.version_name, reference) for endpoint in ready
        )

    def statistics(self, name: str, version: str) -> Iterator[ModelStatistics]:
        """Of what was asked or is in memory: the version named, all of a model, or all there is.

        Raises NotFoundError for a name that stands for nothing, InvalidArgumentError for a version without a name.
        """
        if version and not name:
            raise InvalidArgumentError(
                f"version is {version!r}, but name is empty; name the model, too", reason="NAME_EMPTY", field="name"
            )
        self._catalog.loaded_endpoints()  # so that those which nobody has asked yet have counters, too
        if not name:
            yield from (message for _, _, message in self._statistics.rows())
            return
        reference = parse_reference(name, version, field="name")
        found = False
        for version_name, network, message in self._statistics.rows():
            if network == reference.network and _is_of(version_name, reference):
                found = True
                yield message
        if not found:
            self._check_exists(reference)

    def _check_exists(self, reference: ModelReference) -> None:
        trained = self._catalog.trained_versions(reference.model)
        if reference.version and reference.version not in trained:
            raise NotFoundError(
                f"{model_of(reference.model, network=reference.network)} has no trained version "
                f"{reference.version!r}; it has {', '.join(trained) or 'none'}",
                reason="MODEL_VERSION_NOT_FOUND",
                model=reference.model,
                version=reference.version,
            )


def _is_of(version_name: str, reference: ModelReference) -> bool:
    if reference.version:
        return version_name == reference.version_name
    return split_version_name(version_name)[0] == reference.model
