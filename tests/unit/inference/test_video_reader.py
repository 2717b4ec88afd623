"""Videos: every frame asked for, none else, with its exact index, time and pixels."""

import contextlib
import hashlib
import json
import random
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

import framecast_core
from framecast.errors import CancelledError, DataLossError, InvalidArgumentError
from framecast.v1.frame_range_pb2 import FrameRange
from framecast_bundle.orientation import Orientation
from framecast_bundle.picture import Picture, rgb_of, source_of
from framecast_bundle.settings import Settings
from framecast_inference.frame_sources import FrameSources
from framecast_inference.resume_point import ResumePoint
from framecast_inference.sources import video_reader
from framecast_inference.sources.container import open_video
from framecast_inference.sources.video_index import read_video_index
from framecast_inference.sources.video_layout import VideoLayouts
from framecast_inference.sources.video_picture import VideoPicture
from framecast_inference.sources.video_reader import VideoReader
from framecast_inference.video_prediction import stream_frames
from tests.support.playlists import PLAYLISTS, watched_file

LISTED = ["asl_again_fullrange", "bottle_h264_vfr_bframes", "car_h264_cfr", "car_rotated_ccw90", "car_vp9"]
REASONS = {"no_video": "VIDEO_STREAM_MISSING", "unreadable": "VIDEO_UNREADABLE", "zero_frames": "VIDEO_EMPTY"}


def frame_list(shared_data: Path, name: str) -> tuple[Path, list[list[Any]]]:
    listed = json.loads((shared_data / f"videos/frames_{name}_s0.json").read_text())
    assert listed["columns"][:4] == ["index", "pts", "time_s", "md5_planes"]
    return shared_data / listed["file"], listed["frames"]


def planes_md5(frame: av.VideoFrame) -> str:
    digest = hashlib.md5()
    for number, plane in enumerate(frame.planes):
        width = plane.width * frame.format.components[number].bits // 8
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        digest.update(rows[:, :width].tobytes())
    return digest.hexdigest()


@pytest.fixture
def decoded_md5(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Digests of the decoded planes of each frame that the reader hands out."""
    seen: list[str] = []

    def watched(frame: av.VideoFrame, orientation: Orientation) -> VideoPicture:
        seen.append(planes_md5(frame))
        return VideoPicture(frame, orientation)

    monkeypatch.setattr(video_reader, "VideoPicture", watched)
    return seen


@pytest.mark.parametrize("name", LISTED)
def test_every_frame_agrees_with_its_list(shared_data: Path, name: str, decoded_md5: list[str]) -> None:
    path, listed = frame_list(shared_data, name)
    reader = VideoReader(path, label=name)
    frames = [(frame.index, frame.pts, frame.time_s) for frame in reader.frames(range(reader.index.frame_count))]
    assert [frame[:2] for frame in frames] == [(row[0], row[1]) for row in listed]
    assert all(time == row[1] * reader.index.time_base for (_, _, time), row in zip(frames, listed, strict=True))
    assert max(abs(float(time or 0) - row[2]) for (_, _, time), row in zip(frames, listed, strict=True)) < 1e-6
    assert decoded_md5 == [row[3] for row in listed]


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("selected", [range(70, 77), range(1, 2), range(3, 60, 7), range(0, 1000, 45)])
def test_a_range_gives_the_same_frames_as_the_whole(
    shared_data: Path, name: str, selected: range, decoded_md5: list[str]
) -> None:
    path, listed = frame_list(shared_data, name)
    reader = VideoReader(path, label=name)
    wanted = range(selected.start, min(selected.stop, reader.index.frame_count), selected.step)
    assert [frame.index for frame in reader.frames(wanted)] == list(wanted)
    assert decoded_md5 == [listed[index][3] for index in wanted]


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("selected", [range(10**6), range(20, 75), range(3, 10**6, 7), range(0, 10**6, 45)])
@pytest.mark.parametrize("held", [1, 7, 10**6])
def test_backward_is_forward_reversed_however_few_frames_are_held(
    shared_data: Path, name: str, selected: range, held: int, decoded_md5: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, listed = frame_list(shared_data, name)
    reader = VideoReader(path, label=name)
    wanted = range(selected.start, min(selected.stop, reader.index.frame_count), selected.step)[::-1]
    monkeypatch.setattr(video_reader, "held_frames", lambda *_: held)
    given = [(frame.index, frame.pts, frame.time_s) for frame in reader.frames(wanted)]
    assert [index for index, _, _ in given] == list(wanted)
    assert [pts for _, pts, _ in given] == [listed[index][1] for index in wanted]
    assert decoded_md5 == [listed[index][3] for index in wanted]


@pytest.mark.parametrize("name", ["truncated_faststart.mp4", "corrupt_middle.mp4"])
def test_a_damaged_video_gives_the_same_frames_backward(shared_data: Path, name: str) -> None:
    reader = VideoReader(shared_data / "videos" / name, label=name)

    def taken(selected: range) -> tuple[list[int], str]:
        seen: list[int] = []
        with pytest.raises(DataLossError) as caught:
            seen.extend(frame.index for frame in reader.frames(selected))
        return seen, caught.value.metadata["missing_frames"]

    forward, missing = taken(range(reader.index.frame_count))
    backward, missing_backward = taken(range(reader.index.frame_count)[::-1])
    assert backward == forward[::-1]
    assert missing_backward == missing
    start = ResumePoint()
    selected = range(reader.index.frame_count)[::-1]
    for index in backward[:100]:
        start = start.after(selected, index)
    rest: list[int] = []
    with pytest.raises(DataLossError) as caught:
        rest.extend(frame.index for frame in reader.frames(selected, start=start))
    assert rest == backward[100:]
    assert caught.value.metadata["missing_frames"] == missing


def test_counts_and_times_agree_with_the_manifest(shared_data: Path) -> None:
    for video in json.loads((shared_data / "videos.json").read_text())["videos"]:
        path = shared_data / video["file"]
        if video["expect"] in REASONS:
            with pytest.raises(InvalidArgumentError, match=path.name) as caught:
                VideoReader(path, label=path.name)
            assert caught.value.reason == REASONS[video["expect"]], path.name
            continue
        stream = next(stream for stream in video["streams"] if stream["codec_type"] == "video")
        reader = VideoReader(path, label=path.name)
        assert [reader.width, reader.height] == stream["display_size"], path.name
        assert str(reader.index.time_base) == stream["time_base"], path.name
        if video["expect"] != "ok":
            continue
        assert len(reader.index.pts) == reader.index.frame_count == stream["ffprobe_frames"], path.name
        assert float(reader.index.time_s(0)) == pytest.approx(stream["pyav"]["first_time"], abs=1e-6)
        assert float(reader.index.time_s(reader.index.frame_count - 1)) == pytest.approx(
            stream["pyav"]["last_time"], abs=1e-6
        )


@pytest.mark.parametrize(
    ("name", "given", "first_missing", "missing"),
    [("truncated_faststart.mp4", 732, 732, 457), ("corrupt_middle.mp4", 373, 160, 4)],
)
def test_a_damaged_video_gives_what_it_has_and_then_data_loss(
    shared_data: Path, name: str, given: int, first_missing: int, missing: int
) -> None:
    reader = VideoReader(shared_data / "videos" / name, label=name)
    frames = reader.frames(range(reader.index.frame_count))
    seen: list[int] = []
    with pytest.raises(DataLossError, match=name) as caught:
        seen.extend(frame.index for frame in frames)
    # `extend` keeps what came before the error
    assert len(seen) == given
    assert seen == sorted(set(seen))
    assert first_missing not in seen
    assert caught.value.reason == "VIDEO_DAMAGED"
    assert caught.value.metadata["frame_index"] == str(first_missing)
    assert caught.value.metadata["missing_frames"] == str(missing)


def test_a_range_beside_the_damage_has_no_error(shared_data: Path) -> None:
    reader = VideoReader(shared_data / "videos/corrupt_middle.mp4", label="corrupt")
    assert [frame.index for frame in reader.frames(range(150, 160))] == list(range(150, 160))


def test_a_rotated_video_is_turned_upright(shared_data: Path) -> None:
    rotated = VideoReader(shared_data / "videos/car_rotated_ccw90.mp4", label="rotated")
    plain = VideoReader(shared_data / "videos/car_h264_cfr.mp4", label="plain")
    first, same = next(rotated.frames(range(1))).image, next(plain.frames(range(1))).image
    assert first is not None
    assert same is not None
    np.testing.assert_array_equal(rgb_of(first), np.rot90(rgb_of(same)))


def test_sparse_frames_do_not_decode_what_lies_between(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = VideoReader(shared_data / "videos/bottle_h264_bframes.mp4", label="bottle")
    decoded = 0
    find = type(reader.index).find

    def counting(index, pts):
        nonlocal decoded
        decoded += 1
        return find(index, pts)

    monkeypatch.setattr(type(reader.index), "find", counting)
    keys = [int(np.searchsorted(reader.index.pts, pts)) for pts in reader.index.key_pts]
    sparse = range(keys[1], keys[-1] + 1, keys[-1] - keys[1])
    assert [frame.index for frame in reader.frames(sparse)] == [keys[1], keys[-1]]
    assert decoded <= 4


@pytest.mark.parametrize(("colorspace", "kr", "kb"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)])
@pytest.mark.parametrize("full_range", [False, True])
def test_matrix_and_range_of_the_stream_are_applied(colorspace: int, kr: float, kb: float, full_range: bool) -> None:
    frame = av.VideoFrame(16, 16, "yuv420p")
    for plane, value in zip(frame.planes, (120, 90, 200), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = colorspace, 2 if full_range else 1
    luma, cb, cr = 120.0, 90.0 - 128, 200.0 - 128
    if not full_range:
        luma, cb, cr = (luma - 16) * 255 / 219, cb * 255 / 224, cr * 255 / 224
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    picture = VideoPicture(frame, Orientation())
    # libswscale computes with few bits
    np.testing.assert_allclose(picture.rgb()[8, 8], [red, green, blue], atol=1.6)
    np.testing.assert_allclose(tensor_of(picture)[0, :, 8, 8], [red, green, blue], atol=1e-3)


def tensor_of(picture: Picture) -> npt.NDArray[np.float32]:
    """A picture as a tensor of its own size in 0 to 255."""
    source, orientation = source_of(picture)
    height, width, _ = picture.shape
    out = np.empty((1, 3, height, width), np.float32)
    framecast_core.prepare(
        [source],
        np.array([[0, 0, width, height]], np.int32),
        out,
        gain=np.ones(3, np.float32),
        bias=np.zeros(3, np.float32),
        pad=np.zeros(3, np.float32),
        reverse_channels=False,
        round_to_uint8=False,
        orientations=np.array([orientation], np.int32),
    )
    return out


@pytest.mark.parametrize("name", ["bottle_h264_bframes.mp4", "car_rotated_ccw90.mp4", "car_vp9.webm", "car_hevc.mp4"])
def test_planes_become_the_same_tensor_as_rgb_but_for_rounding(shared_data: Path, name: str) -> None:
    reader = VideoReader(shared_data / "videos" / name, label=name)
    for frame in reader.frames(range(0, 40, 13)):
        assert isinstance(frame.image, VideoPicture)
        assert frame.image.planes() is not None
        direct, through_rgb = tensor_of(frame.image), tensor_of(frame.image.rgb())
        assert direct.shape == (1, 3, reader.height, reader.width)
        difference = np.abs(direct - through_rgb)
        # libswscale takes the nearest chroma sample where the core blends: they differ at coloured edges
        assert difference.mean() < 1.5
        assert np.percentile(difference, 99) < 16


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "gbrp", "gray"])
def test_other_formats_go_by_rgb(pixel_format: str) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
    picture = VideoPicture(frame, Orientation())
    assert picture.planes() is None
    assert picture.shape == (20, 30, 3)
    np.testing.assert_array_equal(tensor_of(picture), tensor_of(picture.rgb()))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12"])
@pytest.mark.parametrize("exif", range(1, 9))
def test_odd_sizes_are_turned_as_their_planes_lie(pixel_format: str, exif: int) -> None:
    rows, columns = np.mgrid[0:21, 0:35]
    smooth = np.stack([rows * 8, columns * 6, 255 - rows * 4 - columns * 3], axis=2).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(smooth, format="rgb24").reformat(format=pixel_format)
    picture = VideoPicture(frame, Orientation.from_exif(exif))
    assert picture.exif_orientation == exif
    assert picture.planes() is not None
    np.testing.assert_allclose(tensor_of(picture), tensor_of(picture.rgb()), atol=8)


def write_video(path: Path, times: list[int], *, options: dict[str, str] | None = None, gop: int = 5) -> None:
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "2", "g": str(gop), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 5 % 250, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def sequential_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [frame.pts for frame in container.decode(stream)]
        assert stream.time_base is not None
        return [time * stream.time_base for time in times if time is not None]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_made_videos_of_uneven_times_are_indexed_as_they_decode(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"made.{suffix}"
    write_video(path, [0, 100, 130, 400, 410, 1000, 1100, 1200, 1250, 2000, 2100, 2300])
    reader = VideoReader(path, label=path.name)
    expected = sequential_times(path)
    assert [reader.index.time_s(index) for index in range(len(reader.index.pts))] == expected
    for start in range(12):
        assert [frame.index for frame in reader.frames(range(start, 12))] == list(range(start, 12))


@pytest.mark.parametrize(
    ("times", "rate"), [([0, 40, 80, 120], 25), ([0, 100, 130, 400, 1000], 4), ([500, 600], 10), ([0], 0)]
)
def test_the_average_rate_is_that_of_the_times(tmp_path: Path, times: list[int], rate: int) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, times)
    assert read_video_index(path, label="v").average_frame_rate == rate


def test_frames_hidden_by_an_edit_list_do_not_count(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_video(whole, [100 * number for number in range(20)], gop=8)
    # A cut without encoding again: packets from the key frame on, with times before zero, which players must hide.
    with av.open(str(whole)) as source, av.open(str(cut), "w", options={"avoid_negative_ts": "disabled"}) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            assert stream.time_base is not None
            packet.pts -= int(Fraction(3, 10) / stream.time_base)
            packet.dts -= int(Fraction(3, 10) / stream.time_base)
            packet.stream = copy
            target.mux(packet)
    expected = sequential_times(cut)
    reader = VideoReader(cut, label="cut.mp4")
    assert len(expected) == 17
    assert [reader.index.time_s(index) for index in range(len(reader.index.pts))] == expected
    for start in (0, 1, 6, 12):
        assert [frame.index for frame in reader.frames(range(start, 17))] == list(range(start, 17))


def test_a_raw_stream_without_times_is_counted_by_decoding(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    write_video(path, [100 * number for number in range(12)])
    index = read_video_index(path, label="raw")
    assert index.frame_count == len(index.pts) == 12
    reader = VideoReader(path, label="raw")
    assert [frame.index for frame in reader.frames(range(7, 12, 2))] == [7, 9, 11]


@pytest.mark.parametrize("name", ["timed.mp4", "raw.h264"])
def test_indexing_and_decoding_stop_within_a_packet_when_nobody_waits(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_video(path, [100 * number for number in range(40)])

    def asked(patience: int) -> int:
        """How often the reader asked, of somebody who says once that it is not wanted any more."""
        questions = 0

        def wanted() -> bool:
            nonlocal questions
            questions += 1
            return questions <= patience

        with pytest.raises(CancelledError):
            list(VideoReader(path, label=name, wanted=wanted).frames(range(40)))
        return questions

    # Frames are known by their packets' times: 40 packets; without times, all of them are decoded in a second pass.
    assert [asked(patience) for patience in (0, 1, 20, 60)] == [1, 2, 21, 61]


def test_a_call_that_was_given_up_reads_no_packet(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, [100 * number for number in range(4)])
    spool = SimpleNamespace(receive=lambda chunks: contextlib.nullcontext(path))
    sources = FrameSources(None, None, spool, VideoLayouts())  # type: ignore[arg-type]
    source = sources.uploaded(iter(()))
    stream = stream_frames(None, source, FrameRange(), Settings(), lambda _: False)  # type: ignore[arg-type]
    with pytest.raises(CancelledError), stream:
        pass


@pytest.mark.parametrize("name", ["list.m3u8", "list.mpd", "list.txt", "video.mp4"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_and_what_it_names_stays_closed(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(PLAYLISTS[kind])
    with watched_file(tmp_path) as opened, pytest.raises(InvalidArgumentError) as caught:
        VideoReader(path, label=name)
    assert caught.value.reason == "VIDEO_UNREADABLE"
    assert not opened


def test_a_picture_is_no_video(shared_data: Path) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        VideoReader(shared_data / "images_odd/chelsea_rgb.png", label="cat.png")
    assert caught.value.reason == "VIDEO_UNREADABLE"


@pytest.mark.parametrize(
    "name", ["car_hevc.mp4", "bottle_mjpeg.avi", "car_vp9.webm", "asl_again_fullrange.mkv", "car_rotated_ccw90.mp4"]
)
def test_damaged_bytes_give_ordered_frames_or_a_typed_error(shared_data: Path, tmp_path: Path, name: str) -> None:
    data = (shared_data / "videos" / name).read_bytes()
    path = tmp_path / name
    chance = random.Random(name)
    for turn in range(24):
        damaged = bytearray(data)
        if turn % 3 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            reach = len(damaged) if turn % 3 == 1 else 4000
            for _ in range(chance.choice([1, 8, 60])):
                damaged[chance.randrange(reach)] = chance.randrange(256)
        path.write_bytes(damaged)
        seen: list[int] = []
        try:
            reader = VideoReader(path, label=name)
            start = chance.randrange(reader.index.frame_count)
            wanted = range(start, min(start + 8, reader.index.frame_count))
            seen.extend(frame.index for frame in reader.frames(wanted))
        except (InvalidArgumentError, DataLossError) as error:
            message = error.message
        else:
            message = name
            assert seen == list(wanted)
        assert name in message
        assert seen == sorted(set(seen))


def test_frames_above_the_pixel_limit_are_refused(shared_data: Path) -> None:
    path = shared_data / "videos/car_hevc.mp4"
    with open_video(path, label="car", max_pixels=512 * 288):
        pass
    with (
        pytest.raises(InvalidArgumentError, match="512 x 288") as caught,
        open_video(path, label="car", max_pixels=512 * 288 - 1),
    ):
        pass
    assert caught.value.reason == "VIDEO_TOO_LARGE"
