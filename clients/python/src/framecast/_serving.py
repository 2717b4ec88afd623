"""Models in the inference service's memory."""

from collections.abc import Iterator

from framecast import names
from framecast._connection import Connection, pages
from framecast._convert_predictions import loaded_model_from_proto
from framecast._models import ModelReference, Models
from framecast._prediction_types import LoadedModel
from framecast.v1 import inference_service_pb2 as messages

# A model may come from far away, and be compiled for its device first.
_LOAD_TIMEOUT_S = 600.0


class Serving:
    """`client.serving`; `client.load` loads."""

    def __init__(self, connection: Connection, models: Models) -> None:
        self._connection = connection
        self._models = models

    def list(self) -> Iterator[LoadedModel]:
        """The models that the service has in memory, is loading, or is letting go of; by name."""
        request = messages.ListLoadedModelsRequest()
        return map(
            loaded_model_from_proto, pages(self._connection.inference.ListLoadedModels, request, "loaded_models")
        )

    def memory(self) -> tuple[int, int]:
        """Bytes that the models in memory take, and may take: above that the least recently used leave."""
        answer = self._connection.inference.ListLoadedModels(messages.ListLoadedModelsRequest(page_size=1))
        return answer.memory_bytes, answer.memory_budget_bytes

    def switch(self, model: ModelReference, *, timeout: float = _LOAD_TIMEOUT_S) -> LoadedModel:
        """Lets a version answer to its model's bare name: `switch("cars/2")`, then `predict("cars", ...)`.

        It is loaded first, so that no request waits; calls and streams that run keep the version that they began with.
        Holds until the service is restarted. `cars` alone means its newest trained version.
        """
        request = messages.ServeModelVersionRequest(model_version=self._models.resolve_version(model))
        return loaded_model_from_proto(self._connection.inference.ServeModelVersion(request, timeout=timeout))

    def unload(self, model: ModelReference) -> bool:
        """Frees a model version behind the last call that uses it; False where it was not in memory.

        `cars` alone means the version that answers to this name.
        """
        name = self._models.served_name(model)
        if not names.MODEL_VERSION.matches(name):
            loaded = [each.model_version for each in self.list() if each.served]
            mine = [version for version in loaded if version.startswith(f"{name}/versions/")]
            name = mine[0] if mine else self._models.resolve_version(model)
        request = messages.UnloadModelVersionRequest(model_version=name)
        return self._connection.inference.UnloadModelVersion(request).unloaded
