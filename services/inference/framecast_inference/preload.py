"""Models that are in memory before the service says that it is ready."""

import logging
import threading
from collections.abc import Sequence

from framecast import names
from framecast.errors import FramecastError, InvalidArgumentError
from framecast_inference.served_versions import ServedVersions

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 30.0


def parse_preload_list(text: str) -> list[str]:
    """Names of models or versions between commas or blanks. Raises InvalidArgumentError for what is neither."""
    found = text.replace(",", " ").split()
    for name in found:
        if not (names.MODEL.matches(name) or names.MODEL_VERSION.matches(name)):
            raise InvalidArgumentError(
                f"FRAMECAST_PRELOAD_MODELS names {name!r}; each must look like `{names.MODEL.pattern}` or "
                f"`{names.MODEL_VERSION.pattern}`",
                reason="RESOURCE_NAME_INVALID",
                field="preload_models",
                value=name,
            )
    return found


class Preload:
    """Loads each name of a list, the next one when the one before is warm; tries again what fails, until it does not.

    So a service whose model is missing or broken never says that it is ready, and its log says why.
    """

    def __init__(self, served: ServedVersions, wanted: Sequence[str], *, first_pause_s: float = 1.0) -> None:
        self._served = served
        self._wanted = wanted
        self._first_pause_s = first_pause_s
        self._stopped = threading.Event()
        self._done = threading.Event()
        if not wanted:
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether all of them are warm."""
        return self._done.is_set()

    def run(self) -> bool:
        """Returns True when all are warm, False where `stop` came first."""
        for name in self._wanted:
            pause_s = self._first_pause_s
            while not self._load(name):
                if self._stopped.wait(pause_s):
                    return False
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._done.set()
        return True

    def stop(self) -> None:
        """Ends `run` behind the load that it is at."""
        self._stopped.set()

    def _load(self, name: str) -> bool:
        if self._stopped.is_set():
            return False
        try:
            self._served.preload(name)
        except FramecastError as error:
            log.warning("preload_failed", extra={"model": name, "reason": error.reason, "error": error.message})
            return False
        return True
