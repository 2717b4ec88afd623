"""`python -m framecast_registry`: serves until SIGTERM or SIGINT."""

import os
import sys

from framecast_registry.settings import RegistrySettings
from framecast_registry.wiring import build
from framecast_runtime.logs import configure_logging
from framecast_runtime.server import GrpcServer, run_until_signalled
from framecast_runtime.settings import SettingsError, read_settings
from framecast_runtime.tracing import open_tracing


def main() -> int:
    """The exit code: 2 where a setting is missing or malformed."""
    try:
        settings = read_settings(RegistrySettings, os.environ)
        configure_logging("registry", settings.log_level)
        parts = build(settings)
        server = GrpcServer(
            settings.listen_address,
            parts.register,
            max_workers=parts.max_workers,
            metrics_address=settings.metrics_address,
            tracing=open_tracing("registry", settings.trace_endpoint),
        )
    except SettingsError as error:
        print(f"framecast_registry: {error}", file=sys.stderr)
        return 2
    parts.start()
    run_until_signalled(server, on_stop=parts.stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
