"""Every picture and video of the sample data has the outcome that its manifest says."""

import json
from typing import Any

import pytest

from framecast.errors import InvalidArgumentError
from tests.support.registry_api import RegistryApi
from tests.support.registry_server import registry

_REFUSALS = {
    "reject_too_large": {"IMAGE_TOO_LARGE"},
    "truncated": {"IMAGE_TRUNCATED"},
    "not_image": {"MEDIA_TYPE_UNSUPPORTED"},
    "no_video": {"VIDEO_STREAM_MISSING"},
    "unreadable": {"VIDEO_UNREADABLE", "MEDIA_TYPE_UNSUPPORTED"},
    "zero_frames": {"VIDEO_EMPTY"},
}


@pytest.fixture(params=["file", "memory"])
def api(request, tmp_path):
    url = f"file://{tmp_path / 'objects'}" if request.param == "file" else "memory://"
    with registry(tmp_path, object_store_url=url) as handle, RegistryApi(handle.address) as opened:
        yield opened


def test_every_odd_picture_has_the_expected_outcome(api, shared_data):
    entries = json.loads((shared_data / "images_odd.json").read_text())["images"]
    for entry in entries:
        path = shared_data / entry["file"]
        if entry["expect"] in _REFUSALS:
            check_refused(api, path, _REFUSALS[entry["expect"]])
            continue
        asset = api.create_asset(path.read_bytes(), path.name)
        assert [asset.image.width, asset.image.height] == entry["display_size"], path.name
        assert asset.media_type == f"image/{entry['format'].lower()}", path.name
        # the same bytes are the same asset, whose first name stays
        assert asset.display_name == next(e["file"] for e in entries if e["sha256"] == entry["sha256"]).split("/")[1]


def test_every_video_has_the_expected_outcome(api, shared_data):
    entries = json.loads((shared_data / "videos.json").read_text())["videos"]
    for entry in entries:
        path = shared_data / entry["file"]
        if entry["expect"] in _REFUSALS:
            check_refused(api, path, _REFUSALS[entry["expect"]])
            continue
        video = api.create_asset(path.read_bytes(), path.name).video
        stream = next(stream for stream in entry["streams"] if stream["codec_type"] == "video")
        assert [video.width, video.height] == stream["display_size"], path.name
        assert video.codec == stream["codec_name"], path.name
        assert video.frame_count == (stream["container_nb_frames"] or 0), path.name
        assert video.rotation_degrees == -stream["rotation_ccw_to_display"] % 360, path.name
        seconds = video.duration.seconds + video.duration.nanos / 1e9
        assert seconds == pytest.approx(entry["duration_s"], rel=0.02), path.name


def check_refused(api: Any, path: Any, reasons: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        api.create_asset(path.read_bytes(), path.name)
    assert caught.value.reason in reasons, path.name
    assert path.name in caught.value.message
    assert caught.value.field == "blob"
