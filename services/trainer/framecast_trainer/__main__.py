"""`python -m framecast_trainer`: reads `FRAMECAST_*`, serves until SIGTERM or SIGINT."""

import os
import sys

from framecast.errors import FramecastError
from framecast_runtime.logs import configure_logging
from framecast_runtime.settings import SettingsError, read_settings
from framecast_runtime.stop_signal import StopSignal
from framecast_trainer.settings import TrainerSettings
from framecast_trainer.wiring import Trainer


def main() -> int:
    """Returns the exit status."""
    try:
        settings = read_settings(TrainerSettings, os.environ)
    except SettingsError as error:
        print(f"framecast_trainer: {error}", file=sys.stderr)
        return 2
    configure_logging("trainer", settings.log_level)
    asked = StopSignal()
    try:
        trainer = Trainer(settings)
    except SettingsError as error:
        print(f"framecast_trainer: {error}", file=sys.stderr)
        return 2
    except FramecastError as error:
        print(f"framecast_trainer: {error}", file=sys.stderr)
        return 1
    trainer.start()
    asked.wait()
    trainer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
