"""Videos looked into; those made here need no sample data."""

import contextlib
import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import VideoProperties
from framecast_registry.video_probe import probe_video
from tests.support.playlists import PLAYLISTS, watched_file


def make_video(form: Any = "mp4", codec: Any = "mpeg4", *, frames: Any = 10, width: Any = 64, height: Any = 48) -> Any:
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format=form) as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            pixels = np.full((height, width, 3), number, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def probe(data: Any, max_pixels: Any = 100_000_000) -> Any:
    return probe_video(io.BytesIO(data), "it.mp4", max_pixels=max_pixels)


def refusal(data: Any, **options: Any) -> Any:
    with pytest.raises(InvalidArgumentError) as caught:
        probe(data, **options)
    assert "it.mp4" in caught.value.message
    return caught.value.reason


def test_facts_come_from_the_container():
    assert probe(make_video()) == VideoProperties(64, 48, 10, 1_000_000, "mpeg4", 0)


def test_a_container_that_counts_no_frames_gives_zero():
    found = probe(make_video("matroska"))
    assert (found.frame_count, found.duration_us) == (0, 1_000_000)


def test_a_file_and_a_stream_give_the_same(tmp_path):
    data = make_video()
    (tmp_path / "v.mp4").write_bytes(data)
    assert probe_video(tmp_path / "v.mp4", "v.mp4", max_pixels=10_000) == probe(data)


@pytest.mark.parametrize(("limit", "accepted"), [(64 * 48, True), (64 * 48 - 1, False)])
def test_the_pixel_limit_has_two_sides(limit, accepted):
    if accepted:
        assert probe(make_video(), max_pixels=limit).width == 64
    else:
        assert refusal(make_video(), max_pixels=limit) == "VIDEO_TOO_LARGE"


def test_a_video_cut_behind_its_first_frames_is_accepted():
    data = make_video("matroska", frames=100)
    assert probe(data[: len(data) // 2]).width == 64


def test_no_cut_is_a_crash():
    data = make_video()
    for length in range(0, len(data), len(data) // 30):
        with contextlib.suppress(InvalidArgumentError):
            probe(data[:length])


@pytest.mark.parametrize("data", [b"", b"text, not a video", b"\x00\x00\x00\x20ftypisom" + bytes(100)])
def test_what_is_no_video_is_refused(data):
    assert refusal(data) == "VIDEO_UNREADABLE"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mpd", "list.txt", "video.mp4"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_and_what_it_names_stays_closed(tmp_path, kind, name, monkeypatch):
    path = tmp_path / name
    path.write_text(PLAYLISTS[kind])
    monkeypatch.chdir(tmp_path)  # what a stream without a name would be relative to
    with watched_file(tmp_path) as opened:
        for file in (path, io.BytesIO(path.read_bytes())):
            with pytest.raises(InvalidArgumentError) as caught:
                probe_video(file, name, max_pixels=10_000)
            assert caught.value.reason == "VIDEO_UNREADABLE"
    assert not opened
