"""Assets: pictures and videos that were found to be decodable."""

from collections.abc import Callable
from datetime import datetime

from framecast.errors import DataLossError, InvalidArgumentError, NotFoundError
from framecast.names import check_sha256
from framecast_registry import media_type
from framecast_registry.blobs import require_blob
from framecast_registry.domain import Asset, Blob
from framecast_registry.ports import ByteStore, MediaProbe, MetadataStore, Transaction
from framecast_registry.projects import require_project
from framecast_registry.text_limits import NAME_BYTES, check_text
from framecast_runtime.object_store import blob_path
from framecast_runtime.paging import Page, cut_page


class Assets:
    def __init__(self, store: MetadataStore, bytes_: ByteStore, probe: MediaProbe, now: Callable[[], datetime]) -> None:
        self._store = store
        self._bytes = bytes_
        self._probe = probe
        self._now = now

    def create(self, project_id: str, sha256: str, display_name: str) -> Asset:
        """The asset with a blob's bytes, new or known. Raises InvalidArgumentError where they cannot be decoded."""
        check_sha256(sha256, field="blob")
        check_text(display_name, NAME_BYTES, field="asset.display_name")
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            blob = require_blob(tx, project_id, sha256)
            known = tx.assets.get(project_id, sha256)
        if known is not None:
            return known
        try:
            asset = self._examine(blob, display_name)
        except NotFoundError:
            raise DataLossError(
                f"{_label(display_name, sha256)}: its bytes are gone from the object store; upload them again",
                reason="BLOB_BYTES_MISSING",
                sha256=sha256,
            ) from None
        with self._store.transaction() as tx:
            tx.lock(f"asset/{project_id}/{sha256}")
            known = tx.assets.get(project_id, sha256)
            if known is None:
                tx.assets.add(asset)
            return known or asset

    def get(self, project_id: str, sha256: str) -> Asset:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return _require_asset(tx, project_id, check_sha256(sha256, field="name"))

    def page(self, project_id: str, page: Page) -> tuple[list[Asset], str]:
        """A page by digest, and the token of the next one."""
        with self._store.snapshot() as tx:
            require_project(tx, project_id)
            rows = tx.assets.page(project_id, page.after, page.size + 1)
        return cut_page(rows, page, lambda row: row.sha256)

    def _examine(self, blob: Blob, display_name: str) -> Asset:
        label = _label(display_name, blob.sha256)
        path = blob_path(blob.sha256)
        header = self._bytes.get_range(path, 0, media_type.HEADER_BYTES) if blob.size_bytes else b""
        kind = media_type.sniff(header)
        if kind is None:
            what = "its bytes are of no known kind" if blob.size_bytes else "it is empty"
            raise InvalidArgumentError(
                f"{label}: {what}; supported are {media_type.SUPPORTED}",
                reason="MEDIA_TYPE_UNSUPPORTED",
                field="blob",
                display_name=display_name,
                sha256=blob.sha256,
            )
        file = self._bytes.open(path)
        return Asset(
            project_id=blob.project_id,
            sha256=blob.sha256,
            display_name=display_name,
            media_type=kind,
            size_bytes=blob.size_bytes,
            properties=(
                self._probe.image(file, kind, label) if kind.startswith("image/") else self._probe.video(file, label)
            ),
            create_time=self._now(),
        )


def _require_asset(tx: Transaction, project_id: str, sha256: str) -> Asset:
    asset = tx.assets.get(project_id, sha256)
    if asset is None:
        raise NotFoundError(
            f"project {project_id!r} has no asset {sha256}; upload the file and create it first",
            reason="ASSET_NOT_FOUND",
            project=project_id,
            sha256=sha256,
        )
    return asset


def _label(display_name: str, sha256: str) -> str:
    return display_name or sha256
