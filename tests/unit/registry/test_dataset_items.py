"""Which assets may be items of a dataset version."""

import pytest

from framecast.errors import InvalidArgumentError
from framecast_registry.annotation import ItemDraft
from framecast_registry.convert_labels import encode_labels
from framecast_registry.dataset_versions import DatasetVersions, VersionDraft
from framecast_registry.domain import Asset, Blob, Subset, VideoProperties
from tests.support.memory_backends import MemoryBackends

SHA256 = "ab" * 32


def test_a_video_is_no_item():
    backends = MemoryBackends()
    now = backends.clock()
    video = VideoProperties(640, 480, 10, 400_000, "h264", 0)
    with backends.metadata.transaction() as tx:
        tx.blobs.add(Blob("default", SHA256, 9, now))
        tx.assets.add(Asset("default", SHA256, "a.mp4", "video/mp4", 9, video, now))
    item = ItemDraft(f"projects/default/assets/{SHA256}", "clips/a.mp4", Subset.TRAIN, 0, ())
    draft = VersionDraft("default", "cars", "", (), allow_missing=True, request_id="", item_count=1)
    versions = DatasetVersions(backends.metadata, encode_labels, backends.clock)
    with pytest.raises(InvalidArgumentError, match=r"clips/a\.mp4") as caught:
        versions.create(draft, [[item]], lambda: True)
    assert (caught.value.reason, caught.value.field) == ("ITEM_NOT_AN_IMAGE", "items[0].asset")
