"""Every metric of every service: its name, its labels, and what it says; for operators in docs/observability.md.

Base units (seconds, bytes); labels are few and bounded: methods and codes by the contract, models by what is loaded.
"""

from dataclasses import dataclass

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_MODEL = ("model",)


@dataclass(frozen=True)
class Family:
    """One metric; with labels, one series for each combination of their values."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds, rising, of a histogram's; the last bucket has none and is not named."""


# Of every service
REQUEST_SECONDS = Family(
    "framecast_request_seconds", "Calls that ended, by how long they took.", ("method", "code"), _SECONDS
)
CALLS_RUNNING = Family("framecast_calls_running", "Calls, or streams, that hold a thread now.", ("kind",))
CALLS_WAITING = Family("framecast_calls_waiting", "Calls, or streams, that wait for a thread now.", ("kind",))

# Of the inference service. `model` is the name of a version in memory; its series leave with it.
MODEL_QUEUE_SECONDS = Family(
    "framecast_model_queue_seconds", "Pictures, by the wait for their batch to start.", _MODEL, _SECONDS
)
MODEL_BATCH_PICTURES = Family(
    "framecast_model_batch_pictures", "Runs of the network, by the pictures in them.", _MODEL, (1, 2, 4, 8, 16, 32, 64)
)
MODEL_STAGE_SECONDS = Family(
    "framecast_model_stage_seconds",
    "Time of a stage: decode, prepare and encode of one picture, compute and head of one run.",
    ("model", "stage"),
    _SECONDS,
)
MODEL_PICTURES = Family("framecast_model_pictures_total", "Pictures and frames that were predicted.", _MODEL)
MODEL_FAILURES = Family(
    "framecast_model_failures_total",
    "Pictures and frames without a prediction, by the stage that failed: decode or compute.",
    ("model", "stage"),
)
MODEL_QUEUE_LENGTH = Family("framecast_model_queue_length", "Pictures that wait for a place in a batch now.", _MODEL)
MODELS_LOADED = Family("framecast_models_loaded", "Model versions in memory.")
MODELS_LOADED_BYTES = Family("framecast_models_loaded_bytes", "Memory that they have taken.")
MODEL_LOAD_SECONDS = Family(
    "framecast_model_load_seconds", "Loads of a model version, by how long they took.", (), _SECONDS
)
