"""Predictions drawn on pictures and videos."""

import dataclasses
import io
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from framecast import FrameResult, InvalidArgumentError, Keypoint, Label, Segment, Segmentation
from framecast.drawing import color_of, draw_prediction, draw_video
from framecast.drawing.palette import text_color_on
from framecast.drawing.upright import upright
from tests.support.odd_pictures import encoded, odd_pictures
from tests.support.predictions import prediction

av = pytest.importorskip("av")


def distance(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """How different two colours look (Riemersma's weighted distance, 0 to about 765)."""
    red = (a[0] + b[0]) / 2
    dr, dg, db = (x - y for x, y in zip(a, b, strict=True))
    return float(((2 + red / 256) * dr**2 + 4 * dg**2 + (2 + (255 - red) / 256) * db**2) ** 0.5)


def test_colours_of_the_first_categories_differ() -> None:
    closest = min(distance(color_of(a), color_of(b)) for a, b in itertools.combinations(range(12), 2))
    assert closest > 90


def test_every_category_has_a_colour_and_keeps_it() -> None:
    for category in (-1, 0, 19, 20, 90, 10**9):
        assert color_of(category) == color_of(category)
        assert all(0 <= value <= 255 for value in color_of(category))


def test_text_is_readable_on_every_colour() -> None:
    assert text_color_on((255, 255, 0)) == (0, 0, 0)
    assert text_color_on((0, 0, 120)) == (255, 255, 255)


def test_holes_stay_as_they_were() -> None:
    plain = Image.new("RGB", (100, 100), (50, 50, 50))
    square = np.array([[10, 10], [90, 10], [90, 90], [10, 90]], np.float32)
    hole = np.array([[40, 40], [60, 40], [60, 60], [40, 60]], np.float32)
    drawn = draw_prediction(plain, prediction(100, 100, polygons=[(square, hole)]), labels=False)
    pixels = np.asarray(drawn)
    assert (pixels[50, 50] == 50).all()
    assert (pixels[2, 2] == 50).all()
    assert (pixels[25, 25] != 50).any()
    ink = np.asarray(color_of(1))
    assert np.abs(pixels[10, 50].astype(int) - ink).max() < np.abs(pixels[25, 25].astype(int) - ink).max()
    assert (np.asarray(plain) == 50).all()


def test_boxes_lie_within_the_picture_and_labels_do_not_fail_at_the_edge() -> None:
    boxes = [(0, 0, 64, 48), (-20, -10, 30, 20), (60, 44, 90, 60)]
    drawn = draw_prediction(Image.new("RGB", (64, 48)), prediction(64, 48, boxes=boxes))
    pixels = np.asarray(drawn)
    assert tuple(pixels[47, 63]) == color_of(1)
    assert drawn.size == (64, 48)


def test_labels_of_the_whole_picture_are_drawn() -> None:
    labelled = prediction(64, 48, labels=(Label(2, "cat", 0.9),))
    assert np.asarray(draw_prediction(Image.new("RGB", (64, 48)), labelled)).any()


def test_label_map_is_laid_over_the_picture() -> None:
    segmentation = Segmentation(
        width=40,
        height=30,
        segments=(Segment(7, "road", 600, 0.5),),
        run_lengths=np.array([600, 600], np.uint32),
        run_segments=np.array([0, 1], np.uint32),
    )
    found = dataclasses.replace(prediction(40, 30), segmentation=segmentation)
    pixels = np.asarray(draw_prediction(Image.new("RGB", (40, 30), (50, 50, 50)), found, labels=False))
    assert (pixels[:15] == 50).all()
    assert (pixels[15:] == pixels[20, 20]).all()
    assert (pixels[20, 20] != 50).any()
    assert (segmentation.to_array() == np.repeat([-1, 7], 600).reshape(30, 40)).all()


def test_object_keeps_its_colour_whatever_it_is_called() -> None:
    drawn = []
    for category in (1, 2):
        found = prediction(64, 48, boxes=[(10, 10, 50, 40)])
        instances = dataclasses.replace(
            found.instances, category_ids=np.array([category], np.int32), track_ids=np.array([5], np.int64)
        )
        found = dataclasses.replace(found, instances=instances)
        drawn.append(np.asarray(draw_prediction(Image.new("RGB", (64, 48)), found, labels=False)))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert tuple(drawn[0][10, 30]) == color_of(5)


def test_keypoints_are_drawn_where_they_are_known() -> None:
    found = prediction(64, 48, boxes=[(10, 10, 50, 40)])
    points = (Keypoint(30, 25, score=0.9), Keypoint(float("nan"), float("nan"), score=0.0))
    found = dataclasses.replace(found, instances=dataclasses.replace(found.instances, keypoints=(points,)))
    pixels = np.asarray(draw_prediction(Image.new("RGB", (64, 48)), found, labels=False))
    assert tuple(pixels[25, 30]) == color_of(1)
    assert (pixels[15, 15] == 0).all()


def test_nothing_found_leaves_the_picture() -> None:
    plain = Image.effect_noise((32, 32), 50).convert("RGB")
    drawn = draw_prediction(plain, prediction(32, 32))
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(plain))


@pytest.fixture
def uneven_video(tmp_path: Path) -> tuple[Path, list[int], Fraction]:
    """A video with frames at uneven times: its path, time stamps and time base."""
    path, stamps = tmp_path / "uneven.mkv", [0, 40, 80, 200, 240, 480, 520]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, pts in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index * 30, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        read = [frame.pts for frame in container.decode(video=0)]
        return path, read, container.streams.video[0].time_base


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def test_presentation_times_are_kept(uneven_video, tmp_path: Path) -> None:
    source, stamps, base = uneven_video
    results = [
        FrameResult(index, float(pts * base), pts, prediction(64, 48, boxes=[(5, 5, 20, 20)]))
        for index, pts in enumerate(stamps)
    ]
    assert draw_video(source, iter(results), tmp_path / "out.mp4") == len(stamps)
    assert times(tmp_path / "out.mp4") == pytest.approx([float(pts * base) for pts in stamps], abs=1e-4)


def test_only_frames_with_a_result_are_written(uneven_video, tmp_path: Path) -> None:
    source, stamps, base = uneven_video
    results = [FrameResult(i, float(stamps[i] * base), stamps[i], prediction(64, 48)) for i in (1, 4, 5)]
    draw_video(source, results, tmp_path / "out.mp4")
    written = times(tmp_path / "out.mp4")
    assert written == pytest.approx([float((stamps[i] - stamps[1]) * base) for i in (1, 4, 5)], abs=1e-4)


def test_results_of_another_video_are_refused_and_leave_the_frames_before(uneven_video, tmp_path: Path) -> None:
    source, stamps, _ = uneven_video
    results = [
        FrameResult(0, 0.0, stamps[0], prediction(64, 48)),
        FrameResult(9, 9.0, 10**6, prediction(64, 48)),
    ]
    with pytest.raises(InvalidArgumentError) as caught:
        draw_video(source, results, tmp_path / "out.mp4")
    assert caught.value.reason == "FRAME_MISSING"
    assert len(times(tmp_path / "out.mp4")) == 1


def test_an_interrupted_video_is_not_left_behind(uneven_video, tmp_path: Path) -> None:
    source, stamps, _ = uneven_video

    def interrupted() -> Iterator[FrameResult]:
        yield FrameResult(0, 0.0, stamps[0], prediction(64, 48))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_video(source, interrupted(), tmp_path / "out.mp4")
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("out")]


def test_a_video_replaces_an_older_one_only_when_it_is_whole(uneven_video, tmp_path: Path) -> None:
    source, stamps, _ = uneven_video
    (tmp_path / "out.mp4").write_bytes(b"older")

    def looked_at() -> Iterator[FrameResult]:
        yield FrameResult(0, 0.0, stamps[0], prediction(64, 48))
        assert (tmp_path / "out.mp4").read_bytes() == b"older"

    draw_video(source, looked_at(), tmp_path / "out.mp4")
    assert len(times(tmp_path / "out.mp4")) == 1


def test_a_video_that_cannot_be_written_is_named(uneven_video, tmp_path: Path) -> None:
    source, stamps, _ = uneven_video
    with pytest.raises(OSError, match="No such file") as caught:
        draw_video(source, [FrameResult(0, 0.0, stamps[0], prediction(64, 48))], "/proc/out.mp4")
    assert caught.value.filename == "/proc/out.mp4.part"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_drawing_is_upright(orientation: int) -> None:
    pixels = np.random.default_rng(orientation).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.open(io.BytesIO(encoded(Image.fromarray(pixels), "PNG", exif=exif)))
    np.testing.assert_array_equal(np.asarray(upright(picture)), np.asarray(ImageOps.exif_transpose(picture)))


def test_a_drawing_of_a_picture_with_damaged_exif_is_upright() -> None:
    picture = Image.open(io.BytesIO(odd_pictures()["damaged_exif.JPEG"]))
    assert upright(picture).size == (16, 24)
