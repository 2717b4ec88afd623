"""Live streams: order, bounded queues, what is dropped, settings that change on the way."""

import io
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from framecast.errors import InvalidArgumentError
from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import Priority
from framecast_inference.channel import Cancelled
from framecast_inference.live_frames import LiveFrame, LiveFrames
from framecast_inference.live_prediction import LiveOutcome, stream_live
from framecast_inference.sources.raw_picture import Layout, RawPicture, raw_picture
from framecast_inference.sources.video_picture import VideoPicture
from tests.support.counting_runner import CountingRunner, loaded


def raw(value: int) -> RawPicture:
    return RawPicture(Layout.RGB24, 2, 2, bytes([value]) * 12)


def live(index: int, **fields: object) -> LiveFrame:
    known = {"picture": raw(index % 251), "settings": Settings(), "time_s": None, "id": 1000 + index}
    return LiveFrame(index=index, **{**known, **fields})  # type: ignore[arg-type]


class Sender:
    """Sends `count` frames; says how many were taken in."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.sent = 0

    def __iter__(self) -> Iterator[LiveFrame]:
        for index in range(self.count):
            yield live(index)
            self.sent += 1


def settled(value: Callable[[], int]) -> int:
    last = -1
    while value() != last:
        last = value()
        time.sleep(0.2)
    return last


def run(arriving: Iterator[LiveFrame], runner: CountingRunner, **options: object) -> list[LiveOutcome]:
    chosen = {"max_in_flight": 4, "drop_oldest": False, **options}
    with stream_live(loaded(runner, max_batch=1), arriving, Settings(), lambda _: True, **chosen) as outcomes:  # type: ignore[arg-type]
        return list(outcomes)


def test_every_frame_is_answered_in_order_with_the_senders_number() -> None:
    outcomes = run(iter(Sender(100)), CountingRunner())
    assert [each.taken.id for each in outcomes] == list(range(1000, 1100))
    assert [each.outcome.frame.index for each in outcomes] == list(range(100))
    assert [each.outcome.prediction.width for each in outcomes if each.outcome.prediction] == list(range(100))
    assert not any(each.taken.dropped for each in outcomes)


def test_a_slow_reader_stops_the_sender() -> None:
    sender, runner = Sender(10_000), CountingRunner()
    with stream_live(
        loaded(runner, max_batch=1), iter(sender), Settings(), lambda _: True, max_in_flight=4, drop_oldest=False
    ) as outcomes:
        # 4 wait, one is held out; 2 * max_batch + 2 results wait, one more is submitted, one decoded
        assert settled(lambda: sender.sent) <= 4 + 4 + 2
        assert next(outcomes).taken.id == 1000
    assert settled(lambda: sender.sent) < 20


def test_the_oldest_waiting_frames_are_dropped_and_named() -> None:
    sender, runner = Sender(500), CountingRunner()
    runner.gate.clear()
    with stream_live(
        loaded(runner, max_batch=1), iter(sender), Settings(), lambda _: True, max_in_flight=4, drop_oldest=True
    ) as outcomes:
        assert settled(lambda: sender.sent) == 500
        runner.gate.set()
        seen = list(outcomes)
    assert [each.taken.id for each in seen[-4:]] == [1496, 1497, 1498, 1499]
    told = [number for each in seen for number in (*each.taken.dropped, each.taken.id)]
    assert told == list(range(1000, 1500))
    assert len(seen) <= 4 + 4 + 2
    assert [each.outcome.frame.index + 1000 for each in seen] == [each.taken.id for each in seen]


def test_settings_change_with_the_frame_that_they_came_before_even_if_that_is_dropped() -> None:
    frames = LiveFrames(2, drop_oldest=True)
    frames.put(live(0))
    changed = Settings(max_detections=7)
    frames.put(live(1, settings=changed, new_settings=True))
    frames.put(live(2, settings=changed))
    frames.put(live(3, settings=changed))
    frames.finish()
    given = list(frames.frames())
    assert [frame.index for frame in given] == [2, 3]
    assert [frame.settings for frame in given] == [changed, changed]
    first, second = frames.taken(), frames.taken()
    assert (first.dropped, first.settings) == ((1000, 1001), changed)
    assert (second.dropped, second.settings) == ((), None)


def test_each_frame_is_predicted_with_its_own_settings() -> None:
    arriving = [live(0), live(1, settings=Settings(max_detections=9), new_settings=True)]
    outcomes = run(iter(arriving), CountingRunner())
    assert [each.outcome.prediction.height for each in outcomes if each.outcome.prediction] == [300, 9]


def test_what_is_wrong_behind_a_frame_comes_behind_its_result() -> None:
    def arriving() -> Iterator[LiveFrame]:
        yield live(0)
        raise InvalidArgumentError("settings are wrong")

    seen: list[LiveOutcome] = []
    with (
        pytest.raises(InvalidArgumentError, match="settings are wrong"),
        stream_live(
            loaded(CountingRunner()), arriving(), Settings(), lambda _: True, max_in_flight=4, drop_oldest=False
        ) as outcomes,
    ):
        seen.extend(outcomes)
    assert len(seen) == 1


def test_a_frame_that_cannot_be_decoded_is_answered_by_its_error() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), 5, np.uint8)).save(buffer, "PNG")
    arriving = [live(0, picture=b"no picture"), live(1, picture=buffer.getvalue()), live(2, picture=b"")]
    outcomes = run(iter(arriving), CountingRunner())
    assert [each.outcome.prediction is None for each in outcomes] == [True, False, True]
    assert isinstance(outcomes[0].outcome.frame.error, InvalidArgumentError)


def test_leaving_while_no_frame_comes_does_not_wait_for_one() -> None:
    never = threading.Event()

    def arriving() -> Iterator[LiveFrame]:
        yield live(0)
        never.wait(60)

    with stream_live(
        loaded(CountingRunner()),
        arriving(),
        Settings(),
        lambda _: True,
        max_in_flight=4,
        drop_oldest=False,
        priority=Priority.BULK,
    ) as outcomes:
        assert next(outcomes).taken.id == 1000
    never.set()


def test_a_cancelled_queue_lets_everybody_go() -> None:
    frames = LiveFrames(1, drop_oldest=False)
    frames.put(live(0))
    frames.cancel()
    with pytest.raises(Cancelled):
        frames.put(live(1))
    with pytest.raises(Cancelled):
        next(frames.frames())


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 17)])
def test_pixels_arrive_as_they_were_sent(layout: Layout, width: int, height: int, padding: int) -> None:
    rng = np.random.default_rng(1)
    half_w, half_h = -(-width // 2), -(-height // 2)
    shapes = {
        Layout.RGB24: [(height, 3 * width)],
        Layout.I420: [(height, width), (half_h, half_w), (half_h, half_w)],
        Layout.NV12: [(height, width), (half_h, 2 * half_w)],
    }[layout]
    planes = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    data = b"".join(np.pad(plane, ((0, 0), (0, padding))).tobytes() for plane in planes)
    strides = [plane.shape[1] + padding for plane in planes]
    made = raw_picture(RawPicture(layout, width, height, data, strides if padding else ()), field="raw")
    if layout is Layout.RGB24:
        assert isinstance(made, np.ndarray)
        np.testing.assert_array_equal(made, planes[0].reshape(height, width, 3))
        return
    assert isinstance(made, VideoPicture)
    assert made.shape == (height, width, 3)
    if layout is Layout.NV12:
        planes[1:] = [planes[1][:, 0::2], planes[1][:, 1::2]]
    for plane, sent in zip(made.frame.planes, planes, strict=True):
        got = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        np.testing.assert_array_equal(got[: sent.shape[0], : sent.shape[1]], sent)
    assert made.planes() is not None


@pytest.mark.parametrize(
    ("picture", "field"),
    [
        (RawPicture(Layout.RGB24, 2, 2, bytes(11)), "raw.data"),
        (RawPicture(Layout.RGB24, 2, 2, bytes(13)), "raw.data"),
        (RawPicture(Layout.NV12, 2, 2, bytes(6), (2,)), "raw.strides"),
        (RawPicture(Layout.I420, 4, 2, bytes(99), (3, 2, 2)), "raw.strides"),
        (RawPicture(Layout.RGB24, 0, 2, b""), "raw"),
        (RawPicture(Layout.RGB24, 100_001, 1000, b""), "raw"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(picture: RawPicture, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        raw_picture(picture, field="raw")
    assert refused.value.field == field
