"""Work in a thread of its own behaves as if it were done here."""

import contextvars
import threading

import pytest

from framecast.errors import DataLossError
from framecast_inference.own_thread import in_own_thread

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE")


def test_results_errors_and_context_pass_and_the_thread_is_gone() -> None:
    VARIABLE.set("here")
    thread, value = in_own_thread(lambda: (threading.current_thread(), VARIABLE.get()), name="work")
    assert (thread.name, thread.is_alive(), value) == ("work", False, "here")
    assert thread is not threading.current_thread()

    def fail() -> None:
        raise DataLossError("gone")

    with pytest.raises(DataLossError, match="gone"):
        in_own_thread(fail, name="work")
