"""How much memory of the process is in use, and giving back what is not."""

import ctypes
import functools
from pathlib import Path
from typing import Any

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


def give_back() -> None:
    """Returns freed memory to the system: glibc keeps it, in an arena for every few threads."""
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
