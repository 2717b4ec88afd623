"""A registry that is killed at any instant loses nothing that it confirmed and shows nothing half-done."""

import contextlib
import hashlib
import itertools
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from framecast import errors
from framecast.v1 import annotation_pb2, dataset_pb2
from framecast.v1 import blob_service_pb2 as blobs_pb
from framecast.v1 import registry_service_pb2 as pb
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.pictures import picture
from tests.support.registry_api import PROJECT, RegistryApi, write_requests
from tests.support.registry_process import RegistryProcess

CAR = annotation_pb2.Category(id=1, name="car")


@pytest.fixture
def process(tmp_path):
    with RegistryProcess(tmp_path) as opened:
        yield opened


def check_every_blob_has_its_bytes(process: Any) -> None:
    database = process.database_url.removeprefix("sqlite:///")
    store = open_object_store(process.object_store_url)
    with sqlite3.connect(database) as connection:
        for sha256, size in connection.execute("SELECT sha256, size_bytes FROM registry_blobs"):
            data = store.get(blob_path(sha256))
            assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)
        (orphans,) = connection.execute(
            "SELECT count(*) FROM registry_dataset_items AS i WHERE NOT EXISTS "
            "(SELECT 1 FROM registry_assets AS a WHERE a.sha256 = i.asset_sha256)"
        ).fetchone()
        assert orphans == 0


def test_a_killed_upload_goes_on_from_what_is_committed(process):
    chooser = random.Random(3)
    data = os.urandom(40_000_000)
    name = ""
    committed = 0
    for _ in range(5):
        with RegistryApi(process.start()) as api:
            name = name or api.create_upload(data).name
            state = api.blobs.GetUpload(blobs_pb.GetUploadRequest(name=name))
            assert state.committed_bytes >= committed
            committed = state.committed_bytes
            if state.blob:
                break
            killer = threading.Timer(chooser.uniform(0.02, 0.25), process.kill)
            killer.start()
            with pytest.raises((errors.UnavailableError, errors.CancelledError)):
                api.blobs.WriteUpload(slowly(write_requests(name, data, start=committed, chunk=500_000)))
            killer.join()
    if not process.address:
        process.start()
    with RegistryApi(process.address) as api:
        state = api.blobs.GetUpload(blobs_pb.GetUploadRequest(name=name))
        done = api.write(name, data, start=state.committed_bytes)
        assert done.blob
        read = api.blobs.ReadBlob(blobs_pb.ReadBlobRequest(name=done.blob))
        assert b"".join(chunk.data for chunk in read) == data
    check_every_blob_has_its_bytes(process)
    assert list(open_object_store(process.object_store_url).list("uploads")) == []


def slowly(requests: Any) -> Any:
    for request in requests:
        time.sleep(0.01)
        yield request


def test_a_killed_version_is_whole_or_absent(process):
    with RegistryApi(process.start()) as api:
        assets = [api.create_asset(picture(seed), f"{seed}.png").name for seed in range(40)]
    for attempt in range(4):
        if not process.address:
            process.start()
        parent = f"{PROJECT}/datasets/d{attempt}"
        with RegistryApi(process.address) as api:

            def requests(parent: Any = parent) -> Any:
                yield pb.CreateDatasetVersionRequest(
                    parent=parent,
                    allow_missing=True,
                    item_count=len(assets),
                    dataset_version=dataset_pb2.DatasetVersion(categories=[CAR]),
                )
                for asset in assets:
                    time.sleep(0.005)
                    yield pb.CreateDatasetVersionRequest(
                        items=[dataset_pb2.DatasetItem(asset=asset, subset=dataset_pb2.SUBSET_TRAIN)]
                    )

            killer = threading.Timer(0.05 + 0.07 * attempt, process.kill)
            killer.start()
            with contextlib.suppress(errors.UnavailableError, errors.CancelledError):
                api.registry.CreateDatasetVersion(requests())
            killer.join()
    with RegistryApi(process.start()) as api:
        for dataset in api.registry.ListDatasets(pb.ListDatasetsRequest(parent=PROJECT)).datasets:
            assert dataset.latest_version.endswith("/versions/1")
            items = api.registry.ListDatasetItems(
                pb.ListDatasetItemsRequest(parent=dataset.latest_version, page_size=1000)
            )
            assert [item.asset for item in items.dataset_items] == assets
    check_every_blob_has_its_bytes(process)


def test_what_was_confirmed_survives_a_kill(process):
    confirmed = []
    with RegistryApi(process.start()) as api:
        killer = threading.Timer(0.6, process.kill)
        killer.start()
        try:
            for seed in itertools.count():
                confirmed.append(api.create_asset(picture(seed), f"{seed}.png").name)
        except (errors.UnavailableError, errors.CancelledError):
            pass
        killer.join()
    assert confirmed
    with RegistryApi(process.start()) as api:
        for name in confirmed:
            assert api.registry.GetAsset(pb.GetAssetRequest(name=name)).name == name
    check_every_blob_has_its_bytes(process)


def test_it_stops_cleanly_when_asked(process):
    process.start()
    assert process.stop() == 0


def test_a_missing_setting_is_named():
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FRAMECAST_")}
    ended = subprocess.run(
        [sys.executable, "-m", "framecast_registry"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert "FRAMECAST_DATABASE_URL is not set; FRAMECAST_OBJECT_STORE_URL is not set" in ended.stderr
    assert "Traceback" not in ended.stderr
