"""What holds for every kind of head: order, sub-batches, and that neighbours do not matter."""

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from tests.support.result_messages import prediction_message
from tests.unit.bundle import tiny_bundles

BUNDLES = {
    "yolov5": tiny_bundles.yolov5,
    "yolox": tiny_bundles.yolox,
    "yolox_any_batch": lambda: tiny_bundles.yolox(batch="batch"),
    "mask_rcnn": tiny_bundles.mask_rcnn,
    "anchors": tiny_bundles.anchors,
    "keypoints": tiny_bundles.keypoints,
    "classifier": tiny_bundles.classifier,
}
LOW = Settings(confidence_threshold=0.05, iou_threshold=0.5, max_detections=40)
SIZES = ((48, 64), (64, 48), (48, 64), (200, 90), (64, 64), (33, 71), (48, 64), (16, 16), (1, 300))


@pytest.fixture(params=BUNDLES)
def bundle(request: pytest.FixtureRequest) -> tiny_bundles.TinyBundle:
    return BUNDLES[request.param]()


@pytest.fixture(params=[*BUNDLES, "segmenter"])
def any_bundle(request: pytest.FixtureRequest) -> tiny_bundles.TinyBundle:
    """Of those that find single things, and of the one that does not."""
    return BUNDLES.get(request.param, tiny_bundles.segmenter)()


def as_bytes(prediction: Prediction, bundle: tiny_bundles.TinyBundle) -> bytes:
    message = prediction_message(prediction, bundle.manifest)
    return bytes(message.SerializeToString(deterministic=True))


def test_prediction_does_not_depend_on_neighbours(any_bundle: tiny_bundles.TinyBundle) -> None:
    pictures = tiny_bundles.images(*SIZES)
    settings = [LOW] * len(pictures)
    with any_bundle.predictor() as predictor:
        together = [as_bytes(answer, any_bundle) for answer in predictor.predict(pictures, settings)]
        alone = [as_bytes(predictor.predict([picture], [LOW])[0], any_bundle) for picture in pictures]
        backwards = [as_bytes(answer, any_bundle) for answer in predictor.predict(pictures[::-1], settings)]
    assert together == alone
    assert backwards[::-1] == alone
    assert len(set(alone)) > 5  # the test would pass on a network that answers nothing


def test_max_batch_does_not_change_results(any_bundle: tiny_bundles.TinyBundle) -> None:
    pictures = tiny_bundles.images(*[(48, 64)] * 5)
    answers = []
    for max_batch in (1, 2, 8):
        with any_bundle.predictor(max_batch=max_batch) as predictor:
            batches = predictor.prepare(pictures)
            assert max(len(batch.positions) for batch in batches) == min(max_batch, 5)
            answers.append([as_bytes(answer, any_bundle) for answer in predictor.run(batches, [LOW] * 5)])
    assert answers[0] == answers[1] == answers[2]


def test_every_picture_has_its_own_settings(bundle: tiny_bundles.TinyBundle) -> None:
    (picture,) = tiny_bundles.images((64, 64))
    settings = [
        LOW,
        Settings(confidence_threshold=1.0),
        Settings(confidence_threshold=0.05, iou_threshold=0.5, max_detections=1),
        Settings(confidence_threshold=0.05, iou_threshold=0.5, categories=("square",)),
    ]
    with bundle.predictor() as predictor:
        together = predictor.predict([picture] * len(settings), settings)
        alone = [predictor.predict([picture], [setting])[0] for setting in settings]
    assert [as_bytes(one, bundle) for one in together] == [as_bytes(one, bundle) for one in alone]
    everything, nothing, first, squares = (prediction_message(answer, bundle.manifest) for answer in together)
    assert len(everything.instances or everything.labels) > 1
    assert not nothing.instances
    assert not nothing.labels
    assert len(first.instances or first.labels) == 1
    assert {found.category for found in squares.instances or squares.labels} <= {"square"}


def test_results_are_sorted_and_within_bounds(bundle: tiny_bundles.TinyBundle) -> None:
    pictures = tiny_bundles.images(*SIZES)
    with bundle.predictor() as predictor:
        answers = predictor.predict(pictures, [LOW] * len(pictures))
    for picture, answer in zip(pictures, answers, strict=True):
        message = prediction_message(answer, bundle.manifest)
        assert (message.height, message.width) == picture.shape[:2]
        scores = [found.score for found in message.instances or message.labels]
        assert scores == sorted(scores, reverse=True)
        assert all(0.05 <= score <= 1 for score in scores)
        assert len(scores) <= LOW.max_detections
        for found in message.instances:
            assert found.category_id in (10, 20, 30)
            assert found.box.x_min < found.box.x_max
            assert found.box.y_min < found.box.y_max
            if bundle.manifest.WhichOneof("head") != "yolox":
                assert found.box.x_min >= 0
                assert found.box.x_max <= message.width


def test_no_pictures_give_no_predictions(bundle: tiny_bundles.TinyBundle) -> None:
    with bundle.predictor() as predictor:
        assert predictor.predict([], []) == []


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.float32),
    ],
    ids=["grey", "alpha", "empty", "float"],
)
def test_refuses_what_is_not_rgb(picture: np.ndarray) -> None:
    with tiny_bundles.yolov5().predictor() as predictor:
        good = np.zeros((8, 8, 3), np.uint8)
        with pytest.raises(InvalidArgumentError, match="picture 1") as refused:
            predictor.predict([good, picture], [LOW, LOW])
    assert refused.value.field == "images[1]"


def test_refuses_another_number_of_settings() -> None:
    with tiny_bundles.yolov5().predictor() as predictor, pytest.raises(InvalidArgumentError):
        predictor.predict([np.zeros((8, 8, 3), np.uint8)], [])


def test_strided_pictures_equal_their_copies() -> None:
    (picture,) = tiny_bundles.images((80, 90))
    with tiny_bundles.yolov5().predictor() as predictor:
        for view in (picture[5:60, 7:80], picture[:, ::-1], picture[::2, ::2], picture.transpose(1, 0, 2)):
            (batch,), (copied,) = predictor.prepare([view]), predictor.prepare([view.copy()])
            assert batch.tensors.tobytes() == copied.tensors.tobytes()
