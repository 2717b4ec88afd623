"""The pipeline: order, bounded memory, prompt cancelling, errors in their place. Counts, never clocks."""

import io
import threading
import time
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
from PIL import Image as PillowImage

from framecast.errors import CancelledError, InvalidArgumentError
from framecast_bundle.picture import Image
from framecast_bundle.settings import Settings
from framecast_inference.pipeline import Pipeline, predict_inline
from framecast_inference.sources.source_frame import SourceFrame
from tests.support.counting_runner import CountingRunner, CountingSource, loaded


def settled(value: Callable[[], int]) -> int:
    """The value once it has stopped to change."""
    last = value()
    for _ in range(200):
        time.sleep(0.02)
        if value() == last:
            time.sleep(0.05)
            if value() == last:
                return last
        last = value()
    raise AssertionError("it never settles")


def on_cancel(_: Callable[[], None]) -> bool:
    return True


@pytest.mark.parametrize("max_batch", [1, 3, 8])
def test_results_come_in_order_each_with_its_own_prediction(max_batch: int) -> None:
    runner = CountingRunner()
    with closing(Pipeline(CountingSource(500), loaded(runner, max_batch=max_batch), Settings())) as pipeline:
        outcomes = list(pipeline)
    assert [outcome.frame.index for outcome in outcomes] == list(range(500))
    assert [outcome.prediction.width for outcome in outcomes if outcome.prediction] == [i % 251 for i in range(500)]
    assert all(outcome.frame.image is None for outcome in outcomes)
    assert max(runner.batches) <= max_batch
    assert sum(runner.batches) == 500


@pytest.mark.parametrize("max_batch", [1, 4])
def test_a_reader_that_does_not_read_stops_the_decoder(max_batch: int) -> None:
    source, runner = CountingSource(10_000), CountingRunner()
    with closing(Pipeline(source, loaded(runner, max_batch=max_batch), Settings())) as pipeline:
        given = settled(lambda: source.given)
        # 2 * max_batch + 2 wait to be read, one more is submitted, and one decoded
        assert given <= 2 * max_batch + 4
        assert runner.ran <= given
        for _ in range(100):
            next(iter(pipeline))
        assert settled(lambda: source.given) <= given + 100 + max_batch


def test_a_slow_engine_stops_the_decoder() -> None:
    source, runner = CountingSource(10_000), CountingRunner()
    runner.gate.clear()
    with closing(Pipeline(source, loaded(runner, max_batch=4), Settings())) as pipeline:
        assert settled(lambda: source.given) <= 2 * 4 + 4
        runner.gate.set()
        assert next(iter(pipeline)).frame.index == 0


def test_cancelling_stops_decode_and_compute_within_a_batch() -> None:
    source, runner = CountingSource(1_000_000), CountingRunner()
    pipeline = Pipeline(source, loaded(runner, max_batch=2), Settings())
    outcomes = iter(pipeline)
    for _ in range(10):
        next(outcomes)
    pipeline.cancel()
    with pytest.raises(CancelledError):
        next(outcomes)
    pipeline.close()
    given, ran = source.given, runner.ran
    assert source.closed.is_set()
    time.sleep(0.1)
    assert (source.given, runner.ran) == (given, ran)
    assert given < 100


def test_closing_ends_every_thread() -> None:
    before = threading.active_count()
    for _ in range(5):
        Pipeline(CountingSource(1_000_000), loaded(CountingRunner()), Settings()).close()
    assert threading.active_count() == before


def test_an_error_of_the_source_comes_behind_every_frame_before_it() -> None:
    source = CountingSource(100, fail_at=37)
    with closing(Pipeline(source, loaded(CountingRunner(), max_batch=4), Settings())) as pipeline:
        seen: list[int] = []
        with pytest.raises(RuntimeError, match="the source broke"):
            seen.extend(outcome.frame.index for outcome in pipeline)
    assert seen == list(range(37))
    assert source.closed.is_set()


def test_an_error_of_the_engine_reaches_the_reader() -> None:
    class Failing(CountingRunner):
        def infer(self, tensors, placements, settings):
            if self.ran >= 6:
                raise RuntimeError("the engine broke")
            return super().infer(tensors, placements, settings)

    with closing(Pipeline(CountingSource(100), loaded(Failing(), max_batch=1), Settings())) as pipeline:
        seen: list[int] = []
        with pytest.raises(RuntimeError, match="the engine broke"):
            seen.extend(outcome.frame.index for outcome in pipeline)
    assert seen == list(range(6))


def test_a_picture_with_an_error_keeps_its_place_and_costs_no_compute() -> None:
    frames = list(CountingSource(5))
    frames[2] = SourceFrame(index=2, error=InvalidArgumentError("picture 2 is broken"))
    for inline in (True, False):
        runner = CountingRunner()
        if inline:
            outcomes = list(predict_inline(frames, loaded(runner), Settings(), on_cancel))
        else:
            outcomes = list(Pipeline(iter(frames), loaded(runner, max_batch=2), Settings()))
        assert [outcome.frame.index for outcome in outcomes] == list(range(5))
        assert [outcome.prediction is None for outcome in outcomes] == [False, False, True, False, False]
        assert runner.ran == 4


def test_a_batch_of_errors_alone_does_not_reach_the_model() -> None:
    frames = [SourceFrame(index=index, error=InvalidArgumentError("no")) for index in range(3)]
    runner = CountingRunner()
    assert [outcome.prediction for outcome in predict_inline(frames, loaded(runner), Settings(), on_cancel)] == [
        None
    ] * 3
    assert runner.prepared == runner.ran == 0


class Decoded:
    """A frame in its decoder's planes; counts how often it becomes RGB."""

    shape = (64, 100, 3)
    exif_orientation = 1
    conversions = 0

    def planes(self) -> None:
        return None

    def rgb(self) -> Image:
        self.conversions += 1
        return np.full(self.shape, 7, np.uint8)


def test_windows_of_a_frame_share_batches_and_one_conversion() -> None:
    runner, frame = CountingRunner(), Decoded()
    settings = Settings(window_width=40, window_height=64, window_overlap=0.0, augment=True)
    (outcome,) = predict_inline([SourceFrame(index=0, image=frame)], loaded(runner, max_batch=8), settings, on_cancel)
    assert outcome.prediction is not None
    # The whole and its mirror image; three windows of 40 pixels in 100.
    assert runner.batches == [2, 3]
    # Once for all views, and once more for the counting runner, which fills the tensor of the whole from RGB.
    assert frame.conversions == 2


def test_a_picture_of_too_many_windows_costs_no_compute() -> None:
    runner = CountingRunner()
    frame = SourceFrame(index=0, image=np.zeros((40, 40_000, 3), np.uint8))
    (outcome,) = predict_inline([frame], loaded(runner), Settings(window_width=32, window_overlap=0.5), on_cancel)
    assert outcome.prediction is None
    assert outcome.frame.error is not None
    assert outcome.frame.error.reason == "TOO_MANY_WINDOWS"
    assert runner.prepared == 0


def test_what_the_network_saw_is_kept_where_it_is_asked_for() -> None:
    runner = CountingRunner()
    source = [SourceFrame(index=index, image=np.full((8, 9, 3), index, np.uint8)) for index in range(2)]
    plain = predict_inline(source, loaded(runner), Settings(), on_cancel)
    assert [outcome.debug_picture for outcome in plain] == [None, None]
    for index, outcome in enumerate(predict_inline(source, loaded(runner), Settings(debug_picture=True), on_cancel)):
        assert outcome.debug_picture is not None
        picture = np.asarray(PillowImage.open(io.BytesIO(outcome.debug_picture.data)))
        assert picture.shape == (8, 9, 3)
        assert (picture == index).all()


def test_time_that_a_source_waits_is_none_of_its_decoding() -> None:
    model, begun = loaded(CountingRunner()), time.monotonic() + 1000  # far off, so that no clock matters
    pixels = np.zeros((2, 2, 3), np.uint8)
    frames = [SourceFrame(index=0, image=pixels), SourceFrame(index=1, image=pixels, begun=begun)]
    with closing(Pipeline(iter(frames), model, Settings())) as pipeline:
        list(pipeline)
    decoding = model.meter.decode.read()
    assert sum(decoding.counts) == 2
    assert -1000 <= decoding.total < -900


def test_every_stage_of_every_picture_is_counted() -> None:
    runner = CountingRunner()
    model = loaded(runner, max_batch=4)
    frames = [*CountingSource(9), SourceFrame(index=9, error=InvalidArgumentError("damaged"))]
    with closing(Pipeline(iter(frames), model, Settings())) as pipeline:
        list(pipeline)
    assert sum(model.meter.decode.read().counts) == 10
    assert sum(model.meter.prepare.read().counts) == 9
    assert model.meter.undecodable.value == 1
