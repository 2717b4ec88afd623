"""`python -m framecast_inference`: serves until SIGTERM or SIGINT. Settings come from `FRAMECAST_*`."""

import gc
import os
import sys

from framecast.errors import FramecastError
from framecast_inference import process_memory
from framecast_inference.settings import InferenceSettings
from framecast_inference.wiring import build
from framecast_runtime.logs import configure_logging
from framecast_runtime.server import run_until_signalled
from framecast_runtime.settings import SettingsError, read_settings


def main() -> int:
    """Exit code 2 for settings that are missing or wrong."""
    process_memory.use_few_arenas()
    try:
        settings = read_settings(InferenceSettings, os.environ)
        configure_logging("inference", settings.log_level)
        service = build(settings)
    except (SettingsError, FramecastError) as error:
        print(f"framecast inference: {error}", file=sys.stderr)
        return 2
    gc.freeze()  # what is here stays: collections need not walk through it again and again
    service.jobs.start()
    run_until_signalled(service.server, before_stop=service.jobs.stop, on_stop=service.close)
    return 0


if __name__ == "__main__":
    sys.exit(main())
