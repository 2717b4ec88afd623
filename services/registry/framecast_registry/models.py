"""Models and the lifecycle of their versions: CREATED → TRAINING → TRAINED | FAILED, never backwards."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from framecast.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from framecast.names import check_id
from framecast_registry.datasets import lock_dataset, require_dataset_version
from framecast_registry.domain import Blob, Failure, Model, ModelState, ModelVersion, VersionRef
from framecast_registry.model_bundles import CheckedBundle, ModelBundles
from framecast_registry.ports import MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_registry.requests import Request
from framecast_registry.text_limits import DESCRIPTION_BYTES, NAME_BYTES, check_text
from framecast_runtime.paging import Page, cut_page


@dataclass(frozen=True, slots=True)
class ModelVersionDraft:
    """What a caller says of a new version."""

    architecture: str
    task: int
    training_job_id: str
    dataset_version: VersionRef | None
    bundle_sha256: str = ""
    """Of a model that was trained elsewhere; empty where the version is still to be trained."""


def _require_model(tx: Transaction, project_id: str, model_id: str) -> Model:
    model = tx.models.get(project_id, model_id)
    if model is None:
        raise NotFoundError(
            f"no model {model_id!r} in project {project_id!r}; see `framecast models list`",
            reason="MODEL_NOT_FOUND",
            project=project_id,
            model=model_id,
        )
    return model


def require_version(tx: Transaction, project_id: str, model_id: str, number: int) -> ModelVersion:
    _require_model(tx, project_id, model_id)
    version = tx.models.version(project_id, model_id, number)
    if version is None:
        raise NotFoundError(
            f"model {model_id!r} has no version {number}; see `framecast models list`",
            reason="MODEL_VERSION_NOT_FOUND",
            project=project_id,
            model=model_id,
            version=number,
        )
    return version


class Models:
    def __init__(self, store: MetadataStore, bundles: ModelBundles, now: Callable[[], datetime]) -> None:
        self._store = store
        self._bundles = bundles
        self._now = now

    def create(self, project_id: str, model_id: str, display_name: str, description: str, request_id: str) -> Model:
        """Raises AlreadyExistsError where the id is taken."""
        check_id(model_id, field="model_id")
        check_text(display_name, NAME_BYTES, field="model.display_name")
        check_text(description, DESCRIPTION_BYTES, field="model.description")
        request = Request("CreateModel", f"projects/{project_id}", request_id, model_id, display_name, description)
        with self._store.transaction() as tx:
            require_project(tx, project_id)
            if request.earlier_result(tx):
                return _require_model(tx, project_id, model_id)
            _lock_model(tx, project_id, model_id)
            if tx.models.get(project_id, model_id) is not None:
                raise AlreadyExistsError(
                    f"there is a model {model_id!r} already; choose another model_id or add a version to it",
                    reason="MODEL_ALREADY_EXISTS",
                    project=project_id,
                    model=model_id,
                )
            model = Model(project_id, model_id, display_name, description, self._now())
            tx.models.add(model)
            request.remember(tx, model_id, model.create_time)
            return model

    def get(self, project_id: str, model_id: str) -> Model:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return _require_model(tx, project_id, model_id)

    def page(self, project_id: str, page: Page) -> tuple[list[Model], str]:
        """A page by id, and the token of the next one."""
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            rows = tx.models.page(project_id, page.after, page.size + 1)
        return cut_page(rows, page, lambda row: row.model_id)

    def create_version(
        self, project_id: str, model_id: str, draft: ModelVersionDraft, allow_missing: bool, request_id: str
    ) -> ModelVersion:
        """Reserves the next number, in state CREATED; TRAINED where the draft names a bundle that is all there."""
        if allow_missing:
            check_id(model_id, field="parent")
        request = Request("CreateModelVersion", f"projects/{project_id}/models/{model_id}", request_id, draft)
        bundle: CheckedBundle | None = None
        if draft.bundle_sha256:
            with self._store.snapshot() as tx:  # what was made, or cannot be, is not worth reading files for
                require_project(tx, project_id)
                earlier = request.recorded_result(tx)
                if earlier is not None:
                    return require_version(tx, project_id, model_id, int(earlier))
                if not allow_missing:
                    _require_model(tx, project_id, model_id)
            bundle = self._bundles.check(draft.bundle_sha256)
        with self._store.transaction() as tx:
            require_project(tx, project_id)
            _lock_model(tx, project_id, model_id)
            earlier = request.earlier_result(tx)
            if earlier is not None:
                return require_version(tx, project_id, model_id, int(earlier))
            if draft.dataset_version is not None:
                lock_dataset(tx, project_id, draft.dataset_version.dataset_id)
                require_dataset_version(tx, project_id, draft.dataset_version.dataset_id, draft.dataset_version.number)
            if allow_missing and tx.models.get(project_id, model_id) is None:
                tx.models.add(Model(project_id, model_id, "", "", self._now()))
            _require_model(tx, project_id, model_id)
            version = ModelVersion(
                project_id=project_id,
                model_id=model_id,
                number=tx.models.latest_number(project_id, model_id) + 1,
                state=ModelState.CREATED,
                architecture=draft.architecture,
                task=draft.task,
                training_job_id=draft.training_job_id,
                dataset_version=draft.dataset_version,
                create_time=self._now(),
            )
            if bundle is not None:
                version = _trained(tx, version, bundle, {}, version.create_time)
            tx.models.add_version(version)
            request.remember(tx, str(version.number), version.create_time)
            return version

    def start_version(self, project_id: str, model_id: str, number: int) -> ModelVersion:
        """CREATED → TRAINING; a version that is TRAINING stays as it is."""
        with self._store.transaction() as tx:
            _lock_model(tx, project_id, model_id)
            version = require_version(tx, project_id, model_id, number)
            if version.state == ModelState.TRAINING:
                return version
            if version.state != ModelState.CREATED:
                raise _backwards(version, ModelState.TRAINING)
            started = replace(version, state=ModelState.TRAINING)
            tx.models.replace_version(started)
            return started

    def complete_version(
        self, project_id: str, model_id: str, number: int, bundle_sha256: str, metrics: Mapping[str, float]
    ) -> ModelVersion:
        """→ TRAINED, once the manifest and every file it lists were found in the object store."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise InvalidArgumentError(
                    f"metrics[{name!r}] must be a finite number, got {value}",
                    reason="METRIC_INVALID",
                    field="metrics",
                    metric=name,
                    value=value,
                )
        with self._store.snapshot() as tx:  # a version that cannot be completed is not worth reading files for
            self._check_completable(require_version(tx, project_id, model_id, number), bundle_sha256)
        bundle = self._bundles.check(bundle_sha256)
        with self._store.transaction() as tx:
            _lock_model(tx, project_id, model_id)
            version = require_version(tx, project_id, model_id, number)
            self._check_completable(version, bundle_sha256)
            if version.state == ModelState.TRAINED:
                return version
            trained = _trained(tx, version, bundle, metrics, self._now())
            tx.models.replace_version(trained)
            return trained

    def fail_version(self, project_id: str, model_id: str, number: int, failure: Failure) -> ModelVersion:
        """→ FAILED; the first reason stays."""
        if failure.code == 0:
            raise InvalidArgumentError(
                "error.code must say what went wrong; 0 means OK", reason="ERROR_CODE_INVALID", field="error.code"
            )
        with self._store.transaction() as tx:
            _lock_model(tx, project_id, model_id)
            version = require_version(tx, project_id, model_id, number)
            if version.state == ModelState.FAILED:
                return version
            if version.state == ModelState.TRAINED:
                raise _backwards(version, ModelState.FAILED)
            failed = replace(version, state=ModelState.FAILED, failure=failure, end_time=self._now())
            tx.models.replace_version(failed)
            return failed

    def version(self, project_id: str, model_id: str, number: int) -> ModelVersion:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return require_version(tx, project_id, model_id, number)

    def versions(self, project_id: str, model_id: str, page: Page) -> tuple[list[ModelVersion], str]:
        """A page of versions, the newest first, and the token of the next one."""
        with self._store.snapshot() as tx:
            _require_model(tx, project_id, model_id)
            rows = tx.models.versions(project_id, model_id, page.after_number(), page.size + 1)
        return cut_page(rows, page, lambda row: row.number)

    def _check_completable(self, version: ModelVersion, bundle_sha256: str) -> None:
        if version.state == ModelState.FAILED:
            raise _backwards(version, ModelState.TRAINED)
        if version.state == ModelState.TRAINED and version.bundle_sha256 != bundle_sha256:
            raise FailedPreconditionError(
                f"version {version.number} of model {version.model_id!r} is TRAINED with the bundle "
                f"{version.bundle_sha256} and never changes; create a new version",
                reason="MODEL_VERSION_FINAL",
                state=version.state.name,
                wanted_state=ModelState.TRAINED.name,
                bundle=version.bundle_sha256,
            )


def _trained(
    tx: Transaction, version: ModelVersion, bundle: CheckedBundle, metrics: Mapping[str, float], now: datetime
) -> ModelVersion:
    """The version with its bundle, whose files become blobs of the project."""
    for sha256, size in bundle.sizes.items():
        tx.blobs.add(Blob(version.project_id, sha256, size, now))
    return replace(
        version,
        state=ModelState.TRAINED,
        architecture=version.architecture or bundle.manifest.architecture,
        task=version.task or bundle.manifest.task,
        bundle_sha256=bundle.sha256,
        metrics=dict(metrics),
        end_time=now,
    )


def _lock_model(tx: Transaction, project_id: str, model_id: str) -> None:
    tx.lock(f"model/{project_id}/{model_id}")


def _backwards(version: ModelVersion, wanted: ModelState) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"version {version.number} of model {version.model_id!r} is {version.state.name} and cannot become "
        f"{wanted.name}; create a new version",
        reason="MODEL_VERSION_STATE",
        state=version.state.name,
        wanted_state=wanted.name,
    )
