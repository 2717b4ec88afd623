"""Which rows there are, and what is in them."""

import io
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast_bundle.image_decoder import decode_image
from framecast_bundle.settings import Settings
from framecast_inference.image_embedding import (
    MAX_ROWS,
    WHOLE_PICTURE,
    Embeddings,
    ImageEmbedding,
    MissingPatches,
    Row,
)
from framecast_inference.image_prediction import ImageInput, ImagePrediction
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.patches import Box
from framecast_inference.sources.stored_pictures import StoredPictures
from tests.support.counting_runner import loaded
from tests.unit.bundle import tiny_bundles


def png(value: int, width: int = 40, height: int = 30) -> ImageInput:
    rng = np.random.default_rng(value)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file, "PNG")
    return ImageInput(data=file.getvalue())


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    tiny = tiny_bundles.classifier()
    return loaded(tiny.predictor(), manifest=tiny.manifest, max_batch=4)


def embed(model: LoadedModel, inputs: Sequence[ImageInput], *args: Any, **options: Any) -> Embeddings:
    patches = args[0] if args else None
    # Pictures come with the request, so nothing is asked of a registry.
    images = ImagePrediction(cast(StoredPictures, None))
    return ImageEmbedding(images).embed(model, inputs, patches, lambda _: True, **options)


def test_row_is_what_the_network_sees(model: LoadedModel) -> None:
    inputs = [png(seed) for seed in range(6)]
    found = embed(model, inputs)
    assert found.rows == [Row(image, WHOLE_PICTURE) for image in range(6)]
    with tiny_bundles.classifier().predictor() as predictor:
        pictures = [decode_image(each.data, label="") for each in inputs]
        expected = [answer.features for answer in predictor.predict(pictures, [Settings()] * 6)]
    np.testing.assert_array_equal(found.vectors, expected)
    assert found.vectors.dtype == np.float32


def test_normalised_rows_have_length_one(model: LoadedModel) -> None:
    plain, unit = embed(model, [png(1), png(2)]).vectors, embed(model, [png(1), png(2)], normalize=True).vectors
    np.testing.assert_allclose(unit, plain / np.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-6)


def test_patch_is_embedded_as_a_picture_of_its_own(model: LoadedModel) -> None:
    whole = png(1)
    image = decode_image(whole.data, label="")
    file = io.BytesIO()
    Image.fromarray(image[5:25, 10:30]).save(file, "PNG")
    found = embed(model, [png(0), whole], [[], [(10, 5, 30, 25), (0, 0, 40, 30)]])
    assert found.rows == [Row(1, 0), Row(1, 1)]
    np.testing.assert_array_equal(found.vectors, embed(model, [ImageInput(data=file.getvalue()), whole]).vectors)


def test_pictures_without_patches_are_skipped_taken_whole_or_refused(model: LoadedModel) -> None:
    inputs, patches = [png(0), png(1)], [[], [(0, 0, 9, 9)]]
    assert embed(model, inputs, patches).rows == [Row(1, 0)]
    whole = embed(model, inputs, patches, missing=MissingPatches.WHOLE_IMAGE)
    assert whole.rows == [Row(0, WHOLE_PICTURE), Row(1, 0)]
    np.testing.assert_array_equal(whole.vectors[0], embed(model, inputs).vectors[0])
    with pytest.raises(InvalidArgumentError) as refused:
        embed(model, inputs, patches, missing=MissingPatches.ERROR)
    assert refused.value.field == "patches[0]"


def test_what_fails_leaves_the_other_rows_alone(model: LoadedModel) -> None:
    inputs = [png(0), ImageInput(data=b"no picture"), png(2)]
    found = embed(model, inputs, [[(0, 0, 9, 9), (99, 0, 100, 9)], [(0, 0, 5, 5)], [(0, 0, 9, 9)]])
    assert np.isnan(found.vectors).any(axis=1).tolist() == [False, True, True, False]
    assert np.isnan(found.vectors).all(axis=1).tolist() == [False, True, True, False]
    outside, undecodable = found.rows[1].error, found.rows[2].error
    assert outside is not None
    assert (outside.reason, outside.field) == ("PATCH_EMPTY", "patches[0].boxes[1]")  # type: ignore[attr-defined]
    assert undecodable is not None


def test_counts_have_limits(model: LoadedModel) -> None:
    box: Box = (0, 0, 4, 4)
    assert len(embed(model, [png(0, 4, 4)], [[box] * MAX_ROWS]).rows) == MAX_ROWS
    for patches, reason in (([[box] * (MAX_ROWS + 1)], "PATCH_COUNT"), ([[box], [box]], "PATCH_COUNT")):
        with pytest.raises(InvalidArgumentError) as refused:
            embed(model, [png(0, 4, 4)], patches)
        assert refused.value.reason == reason
    with pytest.raises(InvalidArgumentError) as no_picture:
        embed(model, [])
    assert no_picture.value.reason == "IMAGE_COUNT"


def test_model_without_features_is_refused() -> None:
    tiny = tiny_bundles.yolov5()
    detector = loaded(tiny.predictor(), manifest=tiny.manifest)
    assert detector.embedding_size == 0
    with pytest.raises(FailedPreconditionError) as refused:
        embed(detector, [png(0)])
    assert refused.value.reason == "NO_EMBEDDINGS"
