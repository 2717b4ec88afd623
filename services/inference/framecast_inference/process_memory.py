"""How much memory of the process is in use, and giving back what is not."""

import ctypes
import functools
import gc
from pathlib import Path
from typing import Any

_M_ARENA_MAX = -8
_STATM = Path("/proc/self/statm")


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def allocated_bytes() -> int:
    """What is allocated now, of all threads. Where the C library does not say, what is resident; else 0.

    Allocations, unlike resident memory, tell exactly what a model has taken: memory that another one gave back may be
    resident still.
    """
    libc = _glibc()
    if libc is not None:
        info = libc.mallinfo2()
        return int(info.uordblks + info.hblkhd)
    return resident_bytes()


def resident_bytes() -> int:
    """What the process holds of the machine's memory; 0 where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * 4096


def use_few_arenas() -> None:
    """Lets all threads share two of glibc's arenas; to be called before there are threads.

    Else every thread that serves calls takes one for itself, and each keeps what it cannot trim: on two cores a service
    grew from 140 to 230 MB while a hundred models came and went. Kernels allocate too rarely to feel the sharing.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Returns freed memory to the system: glibc keeps it, in an arena for every few threads.

    Unreachable objects go first: what refers to each other would wait for the next collection.
    """
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    try:
        libc = ctypes.CDLL(None)
        libc.mallinfo2.restype = _Mallinfo2
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):  # another C library, or glibc before 2.33
        return None
    return libc
