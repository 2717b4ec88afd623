"""Predictions of dataset versions: recorded whole or not at all, never changed."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from framecast.errors import (
    AlreadyExistsError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
)
from framecast.names import check_id, check_sha256
from framecast_registry.blobs import is_stored
from framecast_registry.datasets import lock_dataset, require_dataset_version
from framecast_registry.domain import Blob, DatasetVersion, PredictionPart, PredictionSet, Subset, VersionRef
from framecast_registry.models import require_version
from framecast_registry.ports import ByteStore, MetadataStore, Transaction
from framecast_registry.requests import Request
from framecast_runtime.object_store import blob_path
from framecast_runtime.paging import Page, cut_page

MAX_PARTS = 10_000
MAX_PART_BYTES = 32 * 1024**2
MAX_SETTINGS_BYTES = 64 * 1024

_LOOKS_AT_ONCE = 16
_METHOD = "CreatePredictionSet"


@dataclass(frozen=True, slots=True)
class PredictionSetDraft:
    """What a caller says of a new set."""

    project_id: str
    dataset_version: VersionRef
    set_id: str
    model_id: str
    model_version: int
    bundle_sha256: str
    subset: Subset | None
    settings: bytes
    inference_job_id: str
    parts: tuple[PredictionPart, ...]


class PredictionSets:
    def __init__(self, store: MetadataStore, bytes_: ByteStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._bytes = bytes_
        self._now = now

    def create(self, draft: PredictionSetDraft, request_id: str) -> PredictionSet:
        """Records predictions whose parts are in the object store, where their blobs become the project's.

        Raises NotFoundError for a dataset or model version that does not exist, FailedPreconditionError where a part is
        missing or the model version has another bundle, InvalidArgumentError for another number of results than there
        are pictures, AlreadyExistsError where the id is taken.
        """
        check_id(draft.set_id, field="prediction_set_id")
        _check_size("prediction_set.settings", len(draft.settings), 0, MAX_SETTINGS_BYTES)
        _check_parts(draft.parts)
        project_id, version = draft.project_id, draft.dataset_version
        request = Request(_METHOD, _scope(project_id, version), request_id, draft)
        with self._store.snapshot() as tx:  # what was made, or cannot be, is not worth looking for files
            earlier = request.recorded_result(tx)
            if earlier is not None:
                return _require_set(tx, project_id, version, draft.set_id)
            _check_references(tx, draft)
        self._check_stored(draft.parts)
        with self._store.transaction() as tx:
            lock_dataset(tx, project_id, version.dataset_id)
            earlier = request.earlier_result(tx)
            if earlier is not None:
                return _require_set(tx, project_id, version, draft.set_id)
            _check_references(tx, draft)
            if tx.predictions.get(project_id, version, draft.set_id) is not None:
                raise AlreadyExistsError(
                    f"dataset version {version.dataset_id}/{version.number} has predictions {draft.set_id!r} already; "
                    "choose another prediction_set_id",
                    reason="PREDICTION_SET_ALREADY_EXISTS",
                    project=project_id,
                    dataset=version.dataset_id,
                    version=version.number,
                    prediction_set=draft.set_id,
                )
            made = _made(draft, self._now())
            for part in draft.parts:
                tx.blobs.add(Blob(project_id, part.sha256, part.size_bytes, made.create_time))
            tx.predictions.add(made, draft.parts)
            request.remember(tx, _result(version, draft.set_id), made.create_time)
            return made

    def get(self, project_id: str, version: VersionRef, set_id: str) -> PredictionSet:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return _require_set(tx, project_id, version, set_id)

    def page(self, project_id: str, version: VersionRef, page: Page) -> tuple[list[PredictionSet], str]:
        """A page by id, and the token of the next one."""
        with self._store.snapshot() as tx:
            require_dataset_version(tx, project_id, version.dataset_id, version.number)
            rows = tx.predictions.page(project_id, version, page.after, page.size + 1)
        return cut_page(rows, page, lambda row: row.set_id)

    def delete(self, project_id: str, version: VersionRef, set_id: str) -> None:
        """Raises NotFoundError."""
        with self._store.transaction() as tx:
            lock_dataset(tx, project_id, version.dataset_id)
            _require_set(tx, project_id, version, set_id)
            tx.predictions.remove(project_id, version, set_id)
            tx.requests.remove(_scope(project_id, version), _METHOD, _result(version, set_id))

    def results(
        self, project_id: str, version: VersionRef, set_id: str, position: int
    ) -> Iterator[tuple[PredictionPart, bytes]]:
        """The parts from the one with the result at `position` on, with their bytes.

        Raises NotFoundError, OutOfRangeError for a position behind the end, DataLossError where bytes are damaged.
        """
        if position < 0:
            raise InvalidArgumentError(
                f"position must not be negative, got {position}",
                reason="POSITION_INVALID",
                field="position",
                value=position,
            )
        with self._store.snapshot() as tx:
            found = _require_set(tx, project_id, version, set_id)
            parts = tx.predictions.parts(found, position)
        if position > found.result_count:
            raise OutOfRangeError(
                f"position is {position}, but there are {found.result_count} results",
                reason="POSITION_OUT_OF_RANGE",
                results=found.result_count,
            )
        for part in parts:
            yield part, self._read(part)

    def _read(self, part: PredictionPart) -> bytes:
        try:
            data = self._bytes.get(blob_path(part.sha256))
        except NotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise DataLossError(
                f"predictions from position {part.position} on are damaged or missing in the object store (sha256"
                f" {part.sha256}); record them again",
                reason="RESULTS_DAMAGED",
                position=part.position,
                sha256=part.sha256,
            )
        return data

    def _check_stored(self, parts: Sequence[PredictionPart]) -> None:
        with ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="stored") as pool:  # each one may be a round trip
            stored = list(pool.map(lambda part: is_stored(self._bytes, part.sha256, part.size_bytes), parts))
        if not all(stored):
            index = stored.index(False)
            raise FailedPreconditionError(
                f"parts[{index}] is not in the object store with {parts[index].size_bytes} bytes (sha256"
                f" {parts[index].sha256}); store it first",
                reason="PREDICTION_PART_MISSING",
                sha256=parts[index].sha256,
                size_bytes=parts[index].size_bytes,
            )


def _check_parts(parts: Sequence[PredictionPart]) -> None:
    if not 1 <= len(parts) <= MAX_PARTS:
        raise InvalidArgumentError(
            f"parts must be 1 to {MAX_PARTS}, got {len(parts)}",
            reason="PART_COUNT_INVALID",
            field="parts",
            count=len(parts),
        )
    for index, part in enumerate(parts):
        where = f"parts[{index}]"
        check_sha256(part.sha256, field=f"{where}.sha256")
        _check_size(f"{where}.size_bytes", part.size_bytes, 1, MAX_PART_BYTES)
        _check_size(f"{where}.result_count", part.result_count, 1, 2**31 - 1)
        _check_size(f"{where}.failed_count", part.failed_count, 0, part.result_count)
        _check_size(f"{where}.instance_count", part.instance_count, 0, 2**53)


def _check_size(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidArgumentError(
            f"{field} must be {least} to {most}, got {value}", reason="SIZE_INVALID", field=field, value=value
        )


def _check_references(tx: Transaction, draft: PredictionSetDraft) -> None:
    ref = draft.dataset_version
    version = require_dataset_version(tx, draft.project_id, ref.dataset_id, ref.number)
    pictures = _pictures(version, draft.subset)
    results = sum(part.result_count for part in draft.parts)
    if results != pictures:
        raise InvalidArgumentError(
            f"parts hold {results} results, but there are {pictures} pictures; predictions have one for each",
            reason="RESULT_COUNT_MISMATCH",
            field="parts",
            results=results,
            pictures=pictures,
        )
    model = require_version(tx, draft.project_id, draft.model_id, draft.model_version)
    if not model.bundle_sha256 or model.bundle_sha256 != draft.bundle_sha256:
        raise FailedPreconditionError(
            f"version {draft.model_version} of model {draft.model_id!r} has bundle {model.bundle_sha256 or 'none'}, "
            f"not {draft.bundle_sha256 or 'none'}; name the model version that answered",
            reason="BUNDLE_MISMATCH",
            model=draft.model_id,
            version=draft.model_version,
            bundle_sha256=draft.bundle_sha256,
        )


def _pictures(version: DatasetVersion, subset: Subset | None) -> int:
    return sum(row.item_count for row in version.subsets if subset is None or row.subset == subset)


def _made(draft: PredictionSetDraft, now: datetime) -> PredictionSet:
    return PredictionSet(
        project_id=draft.project_id,
        dataset_version=draft.dataset_version,
        set_id=draft.set_id,
        model_id=draft.model_id,
        model_version=draft.model_version,
        bundle_sha256=draft.bundle_sha256,
        subset=draft.subset,
        settings=draft.settings,
        inference_job_id=draft.inference_job_id,
        result_count=sum(part.result_count for part in draft.parts),
        failed_count=sum(part.failed_count for part in draft.parts),
        instance_count=sum(part.instance_count for part in draft.parts),
        size_bytes=sum(part.size_bytes for part in draft.parts),
        create_time=now,
    )


def _require_set(tx: Transaction, project_id: str, version: VersionRef, set_id: str) -> PredictionSet:
    require_dataset_version(tx, project_id, version.dataset_id, version.number)
    found = tx.predictions.get(project_id, version, set_id)
    if found is None:
        raise NotFoundError(
            f"dataset version {version.dataset_id}/{version.number} has no predictions {set_id!r}; see"
            f" `framecast predictions list {version.dataset_id}/{version.number}`",
            reason="PREDICTION_SET_NOT_FOUND",
            project=project_id,
            dataset=version.dataset_id,
            version=version.number,
            prediction_set=set_id,
        )
    return found


def _scope(project_id: str, version: VersionRef) -> str:
    # The dataset's name, so that its requests are forgotten with it.
    return f"projects/{project_id}/datasets/{version.dataset_id}"


def _result(version: VersionRef, set_id: str) -> str:
    return f"{version.number}/{set_id}"
