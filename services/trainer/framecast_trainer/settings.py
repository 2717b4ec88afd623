"""What an operator may set."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """Read from `FRAMECAST_*` by `__main__`."""

    listen_address: str = "127.0.0.1:50052"
    """host:port to serve on; port 0 takes a free one."""
    registry_address: str
    """host:port of the registry."""
    database_url: str
    """`sqlite:////folder/trainer.db` or `postgresql+psycopg://…`; may be the registry's own database."""
    object_store_url: str
    """`file:///folder` or `s3://bucket/prefix`; the same for all services."""
    work_folder: str
    """Where every job has a folder with its log, its measurements and, while it runs, its checkpoints."""
    max_parallel_jobs: int = 1
    """Jobs that run at the same time; the others wait."""
    worker_command: str | None = None
    """The program that runs a job, with the run folder as its last argument; open: this Python's own worker."""
    metrics_address: str = ""
    """host:port that serves Prometheus's `/metrics` over HTTP; empty: nobody does."""
    trace_endpoint: str = ""
    """`http://host:port` of an OpenTelemetry collector (OTLP over gRPC) that gets spans; empty: there are none."""
    log_level: str = "INFO"
