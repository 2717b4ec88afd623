"""Stopping by a signal that another thread got."""

import subprocess
import sys

# The main thread refuses the signal, so that the kernel hands it to the other one, as it may at any time.
PROGRAM = """
import os, signal, threading
from framecast_runtime.stop_signal import StopSignal
asked = StopSignal()
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
asked.wait()
print("stopped")
"""


def test_a_signal_that_another_thread_got_is_heard() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == ("stopped\n", 0), done.stderr
