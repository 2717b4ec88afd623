"""What an operator may set."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


def _spool_folder() -> str:
    return str(Path(tempfile.gettempdir()) / f"framecast-inference-{os.getuid()}")


@dataclass(frozen=True, kw_only=True)
class InferenceSettings:
    """Read from `FRAMECAST_*` by `__main__`."""

    listen_address: str = "127.0.0.1:50053"
    """host:port to serve on; port 0 takes a free one."""
    registry_address: str
    """host:port of the registry."""
    object_store_url: str
    """`file:///folder` or `s3://bucket/prefix`; the same for all services."""
    database_url: str | None = None
    """`sqlite:////folder/inference.db` or `postgresql+psycopg://…`, shared by all replicas; may be the registry's own
    database. Open: inference jobs are refused, everything else works."""
    max_running_jobs: int = 2
    """Inference jobs that this replica runs at the same time; 0: it leaves them to others."""
    job_lease_s: float = 10.0
    """After so long without a sign of life of a replica, others take its jobs over."""
    max_job_bytes: int | None = None
    """Stored bytes of all assets of a job; open: no bound."""
    device: str = "auto"
    """`cpu`, `cuda`, `tensorrt` (ONNX Runtime's), `tensorrt-native`, or `auto`: by CUDA where it can be used."""
    precision: str = "auto"
    """`float32`, `float16` or `int8`, to which TensorRT converts; `auto`: what a model's graphs are in."""
    plan_folder: str = ""
    """Where networks that TensorRT compiled are kept; left open, `framecast/plans` among the user's caches."""
    threads: int = 0
    """That one run of a network may take on the CPU; 0: one for each core."""
    max_batch: int | None = None
    """Pictures, of any requests, that one run of a network takes; open: 1 on the CPU, 8 on a GPU."""
    batch_wait_ms: float | None = None
    """How long a picture waits for company while the model is idle; open: 0 on the CPU, 2 on a GPU."""
    queue_size: int = 256
    """Pictures that may wait for a model; requests beyond are refused, streams wait."""
    max_loaded_models: int = 8
    """More leave memory, the least recently used first; those in use stay."""
    max_loaded_bytes: int = 8 * 1024**3
    """The same for the memory that they take, as measured while they were loaded and warmed up."""
    preload_models: str = ""
    """Models or versions, between commas, that are loaded before the service says that it is ready, and stay."""
    spool_folder: str = field(default_factory=_spool_folder)
    """Where uploaded videos lie while they are predicted."""
    max_upload_bytes: int = 8 * 1024**3
    """Longer uploads are refused; a stored asset may be longer."""
    max_calls: int = 32
    """Calls that run at the same time, but for streams; further ones wait."""
    max_streams: int = 128
    """Streams that run at the same time, each with a decoder's memory; further ones wait."""
    metrics_address: str = ""
    """host:port that serves Prometheus's `/metrics` over HTTP; empty: nobody does."""
    trace_endpoint: str = ""
    """`http://host:port` of an OpenTelemetry collector (OTLP over gRPC) that gets spans; empty: there are none."""
    log_level: str = "INFO"
