"""Stored pictures and videos."""

import builtins
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from framecast import names
from framecast._asset_types import Asset
from framecast._blobs import THREADS, Blobs, LocalBlob, local_blob
from framecast._connection import Connection, pages
from framecast._convert_datasets import asset_from_proto
from framecast._progress import Progress, ProgressCallback, silent
from framecast.v1 import asset_pb2, registry_service_pb2


class Assets:
    """`client.assets`."""

    def __init__(self, connection: Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs

    def upload(self, path: str | Path, *, progress: ProgressCallback = silent) -> Asset:
        """Stores a picture or a video; one that the project has already is not sent again.

        Raises InvalidArgumentError, naming the file, for what is neither or cannot be decoded.
        """
        path = Path(path)
        return self.create_all([(local_blob(path), path.name)], progress=progress)[0]

    def create_all(
        self, sources: Sequence[tuple[LocalBlob, str]], *, progress: ProgressCallback = silent
    ) -> builtins.list[Asset]:
        """Stores blobs with their display names as assets, in order."""
        blob_names = self._blobs.upload_all([blob for blob, _ in sources], progress=progress)

        def create(source: tuple[LocalBlob, str]) -> Asset:
            blob, display_name = source
            request = registry_service_pb2.CreateAssetRequest(
                parent=self._connection.parent,
                blob=blob_names[blob.sha256],
                asset=asset_pb2.Asset(display_name=display_name),
            )
            return asset_from_proto(self._connection.registry.CreateAsset(request))

        assets: builtins.list[Asset] = []
        with ThreadPoolExecutor(THREADS, thread_name_prefix="assets") as pool:
            tasks = [pool.submit(create, source) for source in sources]
            try:
                for task in tasks:
                    assets.append(task.result())
                    progress(Progress("registering", len(assets), len(sources), "files"))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return assets

    def get(self, asset: str) -> Asset:
        """The asset with this name, or this SHA-256. Raises NotFoundError."""
        request = registry_service_pb2.GetAssetRequest(name=self._name(asset))
        return asset_from_proto(self._connection.registry.GetAsset(request))

    def list(self) -> Iterator[Asset]:
        """All assets of the project."""
        request = registry_service_pb2.ListAssetsRequest(parent=self._connection.parent)
        return map(asset_from_proto, pages(self._connection.registry.ListAssets, request, "assets"))

    def _name(self, asset: str) -> str:
        if names.ASSET.matches(asset):
            return asset
        return names.ASSET.format(project=self._connection.project, sha256=names.check_sha256(asset, field="asset"))
