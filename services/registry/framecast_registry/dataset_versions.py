"""A dataset version on its way in: checked item by item, then stored as a whole or not at all."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from framecast.errors import CancelledError, InvalidArgumentError
from framecast.names import ASSET, check_id
from framecast_registry.annotation import Annotation, ItemDraft
from framecast_registry.annotation_rules import AnnotationRules, check_categories
from framecast_registry.datasets import lock_dataset, require_dataset, require_dataset_version
from framecast_registry.domain import (
    Asset,
    Category,
    Dataset,
    DatasetItem,
    DatasetVersion,
    ImageProperties,
    Subset,
    SubsetSummary,
)
from framecast_registry.item_spool import ItemSpool
from framecast_registry.ports import MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_registry.requests import Request
from framecast_registry.text_limits import DESCRIPTION_BYTES, FILE_NAME_BYTES, check_text

_LOOKUP_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """What a caller says of a version before its items."""

    project_id: str
    dataset_id: str
    description: str
    categories: tuple[Category, ...]
    allow_missing: bool
    request_id: str
    item_count: int
    """How many items will follow; 0: the caller does not say."""


class DatasetVersions:
    """`encode_labels` gives annotations the form in which items keep them: equal annotations, equal bytes."""

    def __init__(
        self,
        store: MetadataStore,
        encode_labels: Callable[[Sequence[Annotation]], bytes],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._encode_labels = encode_labels
        self._now = now

    def create(
        self, draft: VersionDraft, items: Iterable[Sequence[ItemDraft]], still_wanted: Callable[[], bool]
    ) -> DatasetVersion:
        """Stores the next version.

        Where the caller did not say how many items there are, `still_wanted` says whether it is still there, lest a
        stream that broke pass for one that ended.

        Raises InvalidArgumentError naming the item at fault, NotFoundError where the dataset is missing.
        """
        categories = check_categories(draft.categories)
        check_text(draft.description, DESCRIPTION_BYTES, field="dataset_version.description")
        if draft.allow_missing:
            check_id(draft.dataset_id, field="parent")
        with self._store.snapshot() as tx:  # before the items, so that a typing error costs no upload
            require_project(tx, draft.project_id)
            if not draft.allow_missing:
                require_dataset(tx, draft.project_id, draft.dataset_id)
        with ItemSpool() as spool:
            content = _Content(draft.categories)
            for batch in items:
                for start in range(0, len(batch), _LOOKUP_ITEMS):
                    for item in self._checked(draft, batch[start : start + _LOOKUP_ITEMS], categories, content):
                        spool.append(item)
            content.check_count(draft.item_count)
            if not draft.item_count and not still_wanted():
                raise CancelledError("the caller has gone before the last item; nothing was stored")
            return self._store_version(draft, content, spool)

    def _checked(
        self, draft: VersionDraft, batch: Sequence[ItemDraft], categories: dict[int, Category], content: "_Content"
    ) -> Iterator[DatasetItem]:
        digests = [_asset_digest(draft.project_id, item, content.count + i) for i, item in enumerate(batch)]
        with self._store.snapshot() as tx:
            assets = tx.assets.find(draft.project_id, set(digests))
        for item, sha256 in zip(batch, digests, strict=True):
            where = f"items[{content.count}]"
            yield content.add(self._item(item, sha256, assets.get(sha256), categories, where, content.count))

    def _item(
        self,
        draft: ItemDraft,
        sha256: str,
        asset: Asset | None,
        categories: dict[int, Category],
        where: str,
        position: int,
    ) -> DatasetItem:
        file = check_text(draft.file_name, FILE_NAME_BYTES, field=f"{where}.file_name") or draft.asset
        if asset is None:
            raise InvalidArgumentError(
                f"{file}: {where}.asset {draft.asset} does not exist; create the asset first",
                reason="ASSET_NOT_FOUND",
                field=f"{where}.asset",
                asset=draft.asset,
                file=file,
            )
        if not isinstance(asset.properties, ImageProperties):
            raise InvalidArgumentError(
                f"{file}: {where}.asset is of type {asset.media_type}, but items are pictures; take frames out of the "
                "video first",
                reason="ITEM_NOT_AN_IMAGE",
                field=f"{where}.asset",
                asset=draft.asset,
                media_type=asset.media_type,
                file=file,
            )
        if draft.subset is None:
            raise InvalidArgumentError(
                f"{file}: {where}.subset must be train, validation or test",
                reason="SUBSET_INVALID",
                field=f"{where}.subset",
                file=file,
            )
        rules = AnnotationRules(categories, asset, where=where, file=file)
        annotations = [rules.check(index, annotation) for index, annotation in enumerate(draft.annotations)]
        return DatasetItem(
            position=position,
            asset_sha256=sha256,
            file_name=draft.file_name,
            subset=draft.subset,
            source_id=draft.source_id,
            annotation_count=len(annotations),
            labels=self._encode_labels(annotations),
        )

    def _store_version(self, draft: VersionDraft, content: "_Content", spool: ItemSpool) -> DatasetVersion:
        project_id, dataset_id = draft.project_id, draft.dataset_id
        digest = content.digest()
        request = Request(
            "CreateDatasetVersion",
            f"projects/{project_id}/datasets/{dataset_id}",
            draft.request_id,
            draft.description,
            digest,
        )
        with self._store.transaction() as tx:
            require_project(tx, project_id)
            lock_dataset(tx, project_id, dataset_id)
            earlier = request.earlier_result(tx)
            if earlier is not None:
                return require_dataset_version(tx, project_id, dataset_id, int(earlier))
            dataset = self._dataset(tx, draft)
            version = DatasetVersion(
                project_id=project_id,
                dataset_id=dataset_id,
                number=dataset.latest_version + 1,
                description=draft.description,
                categories=draft.categories,
                subsets=content.summary(),
                digest=digest,
                create_time=self._now(),
            )
            tx.datasets.add_version(version, spool.batches())
            request.remember(tx, str(version.number), version.create_time)
            return version

    def _dataset(self, tx: Transaction, draft: VersionDraft) -> Dataset:
        dataset = tx.datasets.get(draft.project_id, draft.dataset_id)
        if dataset is None and draft.allow_missing:
            dataset = Dataset(draft.project_id, draft.dataset_id, "", "", self._now())
            tx.datasets.add(dataset)
        return dataset or require_dataset(tx, draft.project_id, draft.dataset_id)


class _Content:
    """What a version sums up to while its items pass."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self.count = 0
        self._seen: dict[bytes, int] = {}
        self._items: Counter[Subset] = Counter()
        self._annotations: Counter[Subset] = Counter()
        self._hash = hashlib.sha256(b"framecast dataset version 1\n")
        for category in categories:
            self._hash_fields(
                category.category_id,
                category.name,
                category.supercategory,
                len(category.keypoints),
                *category.keypoints,
            )
        self._hash.update(b"items\n")

    def add(self, item: DatasetItem) -> DatasetItem:
        """Counts an item. Raises InvalidArgumentError for an asset that came before."""
        key = bytes.fromhex(item.asset_sha256)
        first = self._seen.setdefault(key, item.position)
        if first != item.position:
            field = f"items[{item.position}].asset"
            raise InvalidArgumentError(
                f"{item.file_name or item.asset_sha256}: {field} is the same asset as items[{first}]; "
                "put all annotations of a picture into one item",
                reason="ASSET_DUPLICATE",
                field=field,
                sha256=item.asset_sha256,
                file=item.file_name,
            )
        self._items[item.subset] += 1
        self._annotations[item.subset] += item.annotation_count
        self._hash_fields(item.asset_sha256, item.file_name, int(item.subset), item.source_id, len(item.labels))
        self._hash.update(item.labels)
        self.count += 1
        return item

    def check_count(self, announced: int) -> None:
        """Raises InvalidArgumentError where another number of items was announced: the stream was cut."""
        if announced and announced != self.count:
            raise InvalidArgumentError(
                f"item_count announces {announced} items, but {self.count} came; send the version again",
                reason="ITEM_COUNT_MISMATCH",
                field="item_count",
                announced=announced,
                received=self.count,
            )

    def digest(self) -> str:
        return self._hash.copy().hexdigest()

    def summary(self) -> tuple[SubsetSummary, ...]:
        return tuple(
            SubsetSummary(subset, self._items[subset], self._annotations[subset])
            for subset in Subset
            if self._items[subset]
        )

    def _hash_fields(self, *fields: str | int) -> None:
        for field in fields:
            data = str(field).encode()
            self._hash.update(b"%d:%s" % (len(data), data))


def _asset_digest(project_id: str, item: ItemDraft, position: int) -> str:
    field = f"items[{position}].asset"
    ids = ASSET.parse(item.asset, field=field)
    if ids["project"] != project_id:
        raise InvalidArgumentError(
            f"{item.file_name or item.asset}: {field} belongs to project {ids['project']!r}, the dataset to "
            f"{project_id!r}; nothing refers across projects",
            reason="PROJECT_MISMATCH",
            field=field,
            asset=item.asset,
            project=project_id,
        )
    return ids["sha256"]
