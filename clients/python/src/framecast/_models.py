"""Models and their versions."""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf import json_format

from framecast import names
from framecast._blobs import Blobs, ByteCounter
from framecast._connection import Connection, pages, request_id
from framecast._convert_models import architecture_from_proto, model_from_proto, model_version_from_proto
from framecast._model_types import Architecture, Model, ModelVersion
from framecast._progress import ProgressCallback, silent
from framecast._training_types import TrainingUpdate
from framecast.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from framecast.v1 import inference_service_pb2, model_bundle_pb2, registry_service_pb2, trainer_service_pb2

ModelReference = str | Model | ModelVersion | TrainingUpdate
"""What stands for a model version: `cars` (its latest trained one), `cars/3`, a full name, or an object."""

# A graph is run once on import, on a machine that may be busy.
_IMPORT_TIMEOUT_S = 300.0


class Models:
    """`client.models`."""

    def __init__(self, connection: Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs

    def import_onnx(
        self,
        name: str,
        *,
        graph: str | Path,
        descriptor: str | Path,
        progress: ProgressCallback = silent,
        timeout: float = _IMPORT_TIMEOUT_S,
    ) -> ModelVersion:
        """Registers an ONNX model that was trained elsewhere as a new version of model `name`.

        `descriptor` is a short YAML or JSON file: task, categories, input, head. The graph is run once before the
        registry hears of it. Raises InvalidArgumentError for a bad descriptor, FailedPreconditionError for a graph
        that does not answer as described; nothing is registered then.
        """
        descriptor, graph = Path(descriptor), Path(graph)
        try:
            text = descriptor.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(
                f"{descriptor}: there is no such file", reason="FILE_MISSING", file=descriptor
            ) from None
        model = self._name(name)
        blob = self._blobs.upload(graph, progress=progress)
        request = inference_service_pb2.ImportModelVersionRequest(
            model=model, descriptor=text, graph=blob, request_id=request_id()
        )
        return model_version_from_proto(self._connection.inference.ImportModelVersion(request, timeout=timeout))

    def upload_weights(self, path: str | Path, *, progress: ProgressCallback = silent) -> str:
        """Stores a file of weights to start a training from; returns its name for `weights=`."""
        return self._blobs.upload(Path(path), progress=progress)

    def download(
        self, model: ModelReference, folder: str | Path, *, progress: ProgressCallback = silent
    ) -> ModelVersion:
        """Writes a version's bundle, `bundle.json` last, into a folder that is created where it is missing.

        Repeating an interrupted download goes on where it stopped. Raises FailedPreconditionError for a version that
        is not trained, DataLossError for bytes that do not match their digest.
        """
        version = self.get_version(model)
        if not version.bundle_sha256:
            raise FailedPreconditionError(
                f"{version.reference} is {version.state}: there is nothing to download",
                reason="MODEL_NOT_TRAINED",
                model_version=version.name,
            )
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = self._blobs.read(version.bundle_sha256)
        files = json_format.Parse(manifest, model_bundle_pb2.ModelBundle()).files
        counter = ByteCounter("downloading", sum(file.size_bytes for file in files), progress)
        for file in files:
            target = folder / file.path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise DataLossError(f"the bundle names a file outside its folder: {file.path}", path=file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._blobs.download(file.sha256, target, on_bytes=counter.add)
        self._blobs.download(version.bundle_sha256, folder / "bundle.json")
        return version

    def get(self, model: str) -> Model:
        """The model with this name or id. Raises NotFoundError."""
        request = registry_service_pb2.GetModelRequest(name=self._name(model))
        return model_from_proto(self._connection.registry.GetModel(request))

    def get_version(self, model: ModelReference) -> ModelVersion:
        """A model version; the latest trained one where only a model is named."""
        request = registry_service_pb2.GetModelVersionRequest(name=self.resolve_version(model))
        return model_version_from_proto(self._connection.registry.GetModelVersion(request))

    def list(self) -> Iterator[Model]:
        """All models of the project."""
        request = registry_service_pb2.ListModelsRequest(parent=self._connection.parent)
        return map(model_from_proto, pages(self._connection.registry.ListModels, request, "models"))

    def versions(self, model: str) -> Iterator[ModelVersion]:
        """The versions of a model, the newest first."""
        request = registry_service_pb2.ListModelVersionsRequest(parent=self._name(model))
        found = pages(self._connection.registry.ListModelVersions, request, "model_versions")
        return map(model_version_from_proto, found)

    def architectures(self) -> Iterator[Architecture]:
        """The networks that can be trained."""
        request = trainer_service_pb2.ListArchitecturesRequest()
        found = pages(self._connection.trainer.ListArchitectures, request, "architectures")
        return map(architecture_from_proto, found)

    def served_name(self, model: ModelReference) -> str:
        """What to ask the inference service for: a version's full name, or the model's where no version is named.

        The service knows which version answers to a model's name.
        """
        if isinstance(model, ModelVersion):
            return model.name
        if isinstance(model, TrainingUpdate):
            return model.model_version or model.model
        reference = _reference(model)
        if "/" in reference and not names.MODEL.matches(reference):
            return self.resolve_version(reference)
        return self._name(reference)

    def resolve_version(self, model: ModelReference) -> str:
        """Full name of a model version, from anything that stands for one.

        Raises NotFoundError for an unknown model, FailedPreconditionError for one without a trained version.
        """
        if isinstance(model, ModelVersion):
            return model.name
        if isinstance(model, TrainingUpdate):
            return model.model_version or self.resolve_version(model.model)
        reference = _reference(model)
        if names.MODEL_VERSION.matches(reference):
            return reference
        model_id, slash, version = reference.partition("/")
        if slash and version.isdigit():
            return names.MODEL_VERSION.format(project=self._connection.project, model=model_id, version=version)
        found = self.get(reference)
        if not found.latest_trained_version:
            raise FailedPreconditionError(
                f"model {found.id!r} has no trained version yet; see `framecast models show {found.id}`",
                reason="MODEL_NOT_TRAINED",
                model=found.name,
            )
        return found.latest_trained_version

    def _name(self, model: str) -> str:
        if names.MODEL.matches(model):
            return model
        return names.MODEL.format(project=self._connection.project, model=names.check_id(model, field="model"))


def _reference(model: Model | str) -> str:
    if isinstance(model, Model):
        return model.name
    if not isinstance(model, str):  # whatever the type checker was told
        raise InvalidArgumentError(
            f"model must be a name such as 'cars' or 'cars/3', or an object that stands for one, got {model!r}",
            field="model",
            reason="MODEL_REFERENCE_INVALID",
        )
    return model
