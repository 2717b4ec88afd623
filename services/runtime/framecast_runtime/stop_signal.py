"""Being asked to stop: SIGTERM or SIGINT."""

import signal
import threading

_LOOK_EVERY_S = 0.2


class StopSignal:
    """Takes SIGTERM and SIGINT over from the moment it is made, which must be in the main thread."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked.set())

    def wait(self) -> None:
        """Returns when one has come; call it in the main thread."""
        # The kernel may hand a signal to any thread, one of gRPC's for instance, while Python runs handlers in the main
        # thread alone, which a wait without end never gives the chance to.
        while not self._asked.wait(_LOOK_EVERY_S):
            pass
