"""What an operator may set."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RegistrySettings:
    """Read from `FRAMECAST_*` by `__main__`."""

    listen_address: str = "127.0.0.1:50051"
    """host:port to serve on; port 0 takes a free one."""
    database_url: str
    """`sqlite:////folder/registry.db` or `postgresql+psycopg://…`."""
    object_store_url: str
    """`file:///folder` or `s3://bucket/prefix`; the same for all services."""
    max_blob_bytes: int = 16 * 1024**3
    """Larger blobs are refused."""
    max_image_pixels: int = 100_000_000
    """Larger pictures are refused before they are decoded."""
    metrics_address: str = ""
    """host:port that serves Prometheus's `/metrics` over HTTP; empty: nobody does."""
    trace_endpoint: str = ""
    """`http://host:port` of an OpenTelemetry collector (OTLP over gRPC) that gets spans; empty: there are none."""
    log_level: str = "INFO"
