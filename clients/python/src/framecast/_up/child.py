"""`python -m framecast._up.child MODULE PARENT_PID`: runs a service that ends when the process that started it does.

A module of its own rather than code between fork and exec: the parent has threads, in which that is not safe.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_LOOK_AFTER_S = 1.0


def main() -> None:
    """Arranges the end, then becomes the service."""
    module, parent = sys.argv[1], int(sys.argv[2])
    if sys.platform == "linux":
        # Sent when the thread that started us ends; the supervisor's lasts as long as the supervisor.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we could arrange for that
        sys.exit(1)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_AFTER_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
