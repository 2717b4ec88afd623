"""Encoded pictures through a whole model."""

import time
from collections.abc import Iterator

from framecast.errors import InvalidArgumentError
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import effective_settings
from framecast_inference.image_prediction import ImageInput, ImagePrediction
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import ModelCache
from framecast_inference.open_inference.caller import Caller
from framecast_inference.open_inference.endpoint import Endpoint
from framecast_inference.open_inference.picture_tensors import IMAGE
from framecast_inference.open_inference.request_parameters import read_settings, settings_as_parameters
from framecast_inference.open_inference.statistics import Timing
from framecast_inference.open_inference.wire import Request, Response
from framecast_inference.pipeline import FrameOutcome

_now = time.perf_counter_ns


class PictureInference:
    def __init__(self, models: ModelCache[LoadedModel], images: ImagePrediction) -> None:
        self._models = models
        self._images = images

    def run(
        self,
        endpoint: Endpoint,
        request: Request,
        response: Response,
        timing: Timing,
        caller: Caller,
    ) -> int:
        """Adds what the model says of the pictures to `response`; returns how many there are.

        Raises InvalidArgumentError that names the tensor, the parameter or the picture at fault: here a picture that
        cannot be decoded fails the request. Waiting for the model counts as computing. Raises what
        `ImagePrediction.predict` raises, too.
        """
        start = _now()
        settings = effective_settings(read_settings(request.message.parameters, endpoint.manifest), endpoint.manifest)
        wanted = endpoint.tensors.wanted(request.message)
        files = endpoint.tensors.arrays(request.message, request.raws)[IMAGE.name].tolist()
        parsed = _now()
        images = [ImageInput(data=file, display_name=f"{IMAGE.name}[{index}]") for index, file in enumerate(files)]
        with self._models.lease(endpoint.version_name) as model:
            begun = _now()
            deadline = time.monotonic() + caller.remaining_s()
            outcomes = self._images.predict(model, images, settings, caller.on_cancel, deadline=deadline)
            predictions = list(_predictions(outcomes))
        done = _now()
        assert endpoint.pictures is not None
        for spec in wanted:
            shape, raw = endpoint.pictures.make(spec, predictions)
            response.add(spec.name, spec.datatype.name, shape, raw)
        for name, parameter in settings_as_parameters(settings):
            response.message.parameters[name].CopyFrom(parameter)
        response.message.parameters["bundle_sha256"].string_param = endpoint.bundle_sha256
        timing.queue = begun - parsed
        timing.compute_input = parsed - start
        timing.compute_infer = done - begun
        timing.compute_output = _now() - done
        return len(files)


def _predictions(outcomes: Iterator[FrameOutcome]) -> Iterator[Prediction]:
    for outcome in outcomes:
        error = outcome.frame.error
        if error is not None:
            if isinstance(error, InvalidArgumentError):
                error.field = f"inputs.{IMAGE.name}[{outcome.frame.index}]"
            raise error
        assert outcome.prediction is not None
        yield outcome.prediction
