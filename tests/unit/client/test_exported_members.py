"""What users import, and what must not reach them."""

import dataclasses
import inspect
import typing

import framecast
from framecast import drawing, errors

EXPORTED = (
    "AlreadyExistsError Annotation Architecture Asset CancelledError Category Client DataLossError Dataset "
    "DatasetItem DatasetVersion DeadlineExceededError FailedPreconditionError FrameIterator FrameResult "
    "FramecastError ImportReport InferenceJob InferenceJobFailedError InferenceProgress InferenceSettings "
    "InferenceUpdate Instance Instances InternalError InvalidArgumentError Job JobState Keypoint Label LiveFrame "
    "LiveResult LiveStream LoadedModel MetricPoint Model ModelVersion ModelVersionState NotFoundError "
    "OutOfRangeError PermissionDeniedError Polygon Prediction PredictionSet Progress ResourceExhaustedError "
    "RunLengthMask Segment Segmentation SettingOptions SettingSchema StreamInfo Subset SubsetSummary Task "
    "TrainingFailedError TrainingProgress TrainingUpdate UnauthenticatedError UnavailableError "
    "UnimplementedError Visibility"
)


def test_exported_members_are_pinned() -> None:
    assert framecast.__all__ == EXPORTED.split()
    assert drawing.__all__ == ["color_of", "draw_prediction", "draw_video"]


def test_every_error_is_exported() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and name.endswith("Error")}
    assert defined <= set(framecast.__all__)


def test_everything_exported_has_a_docstring() -> None:
    assert not [name for name in framecast.__all__ if not inspect.getdoc(getattr(framecast, name))]


def test_no_message_and_no_grpc_type_in_what_users_see() -> None:
    """Walks every public method and field, from the client down, through all types that they mention."""
    leaks: list[str] = []
    seen: set[object] = set()
    queue: list[object] = [getattr(framecast, name) for name in framecast.__all__]
    client = framecast.Client()
    queue += [type(value) for value in vars(client).values() if not type(value).__module__.endswith("_connection")]
    while queue:
        cls = queue.pop()
        if cls in seen or not inspect.isclass(cls):
            continue
        seen.add(cls)
        for name, annotation in _mentioned(cls):
            for part in _parts(annotation):
                module = getattr(part, "__module__", "")
                if module.startswith(("grpc", "google.", "framecast.v1")):
                    leaks.append(f"{cls.__module__}.{cls.__qualname__}.{name}: {part}")
                elif module.startswith("framecast"):
                    queue.append(part)
    client.close()
    assert len(seen) > 40
    assert not leaks


def _mentioned(cls: type) -> list[tuple[str, object]]:
    # How the client reaches the services is its own affair.
    private = {"Inference", "Blobs", "Connection"}
    if cls.__name__ in private:
        return []
    found: list[tuple[str, object]] = []
    if dataclasses.is_dataclass(cls):
        found += list(typing.get_type_hints(cls).items())
    for name, member in inspect.getmembers(cls):
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and function.__module__.startswith("framecast"):
            try:
                hints = typing.get_type_hints(function)
            except (NameError, TypeError):
                continue
            found += [(f"{name}({key})", hint) for key, hint in hints.items()]
    return found


def _parts(annotation: object) -> list[object]:
    arguments = typing.get_args(annotation)
    return [annotation, *(part for argument in arguments for part in _parts(argument))]
