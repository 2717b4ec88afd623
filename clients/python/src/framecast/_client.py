"""The client: one object, everything hangs on it."""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framecast._addresses import Addresses
from framecast._assets import Assets
from framecast._blobs import Blobs
from framecast._connection import Connection
from framecast._convert_settings import make_settings
from framecast._datasets import Datasets
from framecast._embedding import Embedding
from framecast._frame_iterator import FrameIterator
from framecast._image_sources import ImageLike
from framecast._inference import Inference, VideoLike, frame_range
from framecast._inference_jobs import InferenceJobs
from framecast._live_stream import LiveStream, Sendable
from framecast._models import ModelReference, Models
from framecast._prediction_sets import PredictionSets
from framecast._prediction_types import FrameResult, LoadedModel, Prediction
from framecast._serving import Serving
from framecast._setting_types import SettingOptions
from framecast._training import Training

# The first prediction of a model fetches and loads it.
_PREDICT_TIMEOUT_S = 300.0


class Client:
    """A connection to a framecast installation.

    Addresses (`host:port`) come from the arguments, else from FRAMECAST_REGISTRY_ADDRESS,
    FRAMECAST_TRAINER_ADDRESS and FRAMECAST_INFERENCE_ADDRESS, else they are the local ports of `framecast up`.
    `timeout` in seconds bounds each call that names none of its own. Safe to share between threads.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        trainer_address: str | None = None,
        inference_address: str | None = None,
        project: str = "default",
        timeout: float = 60.0,
    ) -> None:
        addresses = Addresses.resolve(registry=address, trainer=trainer_address, inference=inference_address)
        self._connection = Connection(addresses, project=project, timeout_s=timeout)
        blobs = Blobs(self._connection)
        self.assets = Assets(self._connection, blobs)
        """Stored pictures and videos."""
        self.datasets = Datasets(self._connection, self.assets)
        """Labelled data."""
        self.models = Models(self._connection, blobs)
        """Models and their versions."""
        self.training = Training(self._connection, self.datasets, blobs)
        """Training jobs."""
        self.serving = Serving(self._connection, self.models)
        """Models in the inference service's memory."""
        self.inference_jobs = InferenceJobs(self._connection, self.models, self.datasets, self.assets)
        """Predictions in the background."""
        self.prediction_sets = PredictionSets(self._connection, self.datasets)
        """Recorded predictions of datasets."""
        self._inference = Inference(self._connection, self.models)
        self._embedding = Embedding(self._connection, self.models)

    @property
    def project(self) -> str:
        """Id of the project that all calls work on."""
        return self._connection.project

    def load(self, model: ModelReference, *, timeout: float = _PREDICT_TIMEOUT_S) -> LoadedModel:
        """Loads a model version and runs it once in each batch size, unless it is in memory; says how it runs."""
        return self._inference.load(model, timeout=timeout)

    def predict(
        self,
        model: ModelReference,
        images: ImageLike | Sequence[ImageLike],
        *,
        timeout: float = _PREDICT_TIMEOUT_S,
        **settings: Unpack[SettingOptions],
    ) -> list[FrameResult]:
        """Predictions for pictures, in their order; one that cannot be decoded has an error in its own result.

        `model` is `cars` (the version that `serving.switch` chose, else its latest trained one), `cars/3`, a full
        name, or an object that stands for one.
        `settings` are those of `SettingOptions`, such as `confidence=0.5`; `load(model).settings` says which a model
        has. What is None or left out takes the model's default. `timeout` bounds each call of up to 32 pictures.
        """
        several = list(images) if isinstance(images, list | tuple) else [images]
        return list(self._inference.predict(model, several, make_settings(settings), timeout=timeout))  # type: ignore[arg-type]

    def detect(
        self,
        model: ModelReference,
        image: ImageLike,
        *,
        timeout: float = _PREDICT_TIMEOUT_S,
        **settings: Unpack[SettingOptions],
    ) -> Prediction:
        """The prediction for one picture; raises its error where it cannot be decoded. See `predict`."""
        (result,) = self._inference.predict(model, [image], make_settings(settings), timeout=timeout)
        return result.unwrap()

    def embed(
        self,
        model: ModelReference,
        images: ImageLike | Sequence[ImageLike],
        *,
        normalize: bool = False,
        timeout: float = _PREDICT_TIMEOUT_S,
    ) -> NDArray[np.float32]:
        """What a model sees in pictures: float32 [N, D], a row for each in order; `normalize` gives rows of length 1.

        Raises FailedPreconditionError for a model that gives no embeddings (`LoadedModel.embedding_size` is 0), and the
        error of the first picture that cannot be decoded.
        """
        several = list(images) if isinstance(images, list | tuple) else [images]
        return self._embedding.pictures(model, several, normalize=normalize, timeout=timeout)  # type: ignore[arg-type]

    def embed_patches(
        self,
        model: ModelReference,
        images: Sequence[ImageLike],
        boxes: Sequence[ArrayLike],
        *,
        force_square: bool = False,
        alpha: float = 0.0,
        handle_missing: str = "skip",
        normalize: bool = False,
        timeout: float = _PREDICT_TIMEOUT_S,
    ) -> list[NDArray[np.float32]]:
        """What a model sees in parts of pictures: for each picture float32 [its boxes, D].

        `boxes[i]` is [K, 4]: x_min, y_min, x_max, y_max in pixels of picture i. `alpha` makes each wider and higher by
        that share around its middle (0.1: a tenth more, -0.1: a tenth less); `force_square` then makes it a square
        within the picture. A picture without boxes gives no row (`handle_missing="skip"`), one for all of it ("image"),
        or an InvalidArgumentError ("error").
        """
        return self._embedding.patches(
            model,
            images,
            boxes,
            force_square=force_square,
            alpha=alpha,
            handle_missing=handle_missing,
            normalize=normalize,
            timeout=timeout,
        )

    def predict_video(
        self,
        model: ModelReference,
        video: VideoLike,
        *,
        start: int | None = None,
        end: int | None = None,
        count: int | None = None,
        stride: int | None = None,
        backward: bool = False,
        interactive: bool = False,
        timeout: float | None = None,
        resume_token: str = "",
        **settings: Unpack[SettingOptions],
    ) -> FrameIterator:
        """Predictions for a video, streamed frame by frame in presentation order.

        `video` is a file, which is sent along and not kept, a stored asset, or a list of stored pictures that are taken
        for its frames. Frames count from 0; `end` is inclusive, `count` bounds how many are sent, every `stride`-th is
        looked at; `backward` gives the same frames, the last one first. `interactive` goes before bulk work where many
        wait for the model. `timeout` in seconds bounds the whole stream.

        Where the connection or the service breaks, the stream goes on by itself, and each frame comes exactly once;
        another process goes on with the `resume_token` that the iterator had behind the last frame it took, given the
        same arguments. Raises OutOfRangeError where `start` lies beyond the end.
        """
        frames = frame_range(start, end, count, stride, backward=backward)
        return self._inference.predict_video(
            model,
            video,
            make_settings(settings),
            frames,
            interactive=interactive,
            timeout=timeout,
            resume_token=resume_token,
        )

    def stream_frames(
        self,
        model: ModelReference,
        frames: Iterable[Sendable],
        *,
        max_in_flight: int = 16,
        drop_oldest: bool = False,
        interactive: bool = True,
        timeout: float | None = None,
        **settings: Unpack[SettingOptions],
    ) -> LiveStream:
        """Predictions for frames that are sent while results are read: cameras, or anything that goes on.

        `frames` gives pictures as `predict` takes them (arrays are sent as they are), or `LiveFrame`s with a number
        and a time of the caller's; it is drawn in a thread, no further than the service takes frames in.
        `max_in_flight` frames may wait there: what comes then waits as well, or with `drop_oldest` takes the place of
        the oldest one, which the next result names. `LiveStream.update_settings` changes settings on the way.
        """
        return self._inference.stream_frames(
            model,
            frames,
            make_settings(settings),
            max_in_flight=max_in_flight,
            drop_oldest=drop_oldest,
            interactive=interactive,
            timeout=timeout,
        )

    def close(self) -> None:
        """Closes the connections; running calls end."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
