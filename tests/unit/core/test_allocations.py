"""A loop over the kernels allocates nothing once it is warm: malloc itself is counted, below Python and NumPy.

Only the interpreter's small objects (up to 512 bytes, which it keeps in pools of its own) come and go per call.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.core.warm_calls import CALLS, STATEFUL

COUNTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_long large;
static _Thread_local int resolving;

static void count(size_t size) {
  if (size > 512) ++large;
}

long large_allocations(void) { return large; }

#define REAL(name, type) \\
  static __typeof__(type) real; \\
  if (!real) {           \\
    resolving = 1;       \\
    real = (type)dlsym(RTLD_NEXT, name); \\
    resolving = 0;       \\
  }

void *malloc(size_t size) {
  REAL("malloc", void *(*)(size_t))
  count(size);
  return real(size);
}
void *realloc(void *old, size_t size) {
  REAL("realloc", void *(*)(void *, size_t))
  count(size);
  return real(old, size);
}
void *calloc(size_t number, size_t size) {
  static char early[4096];
  static size_t used;
  if (resolving) { /* dlsym asks for memory before it can tell where calloc is. */
    void *memory = early + used;
    used += (number * size + 15) / 16 * 16;
    return memory;
  }
  REAL("calloc", void *(*)(size_t, size_t))
  count(number * size);
  return real(number, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  REAL("posix_memalign", int (*)(void **, size_t, size_t))
  count(size);
  return real(memory, alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  REAL("aligned_alloc", void *(*)(size_t, size_t))
  count(size);
  return real(alignment, size);
}
"""

LOOP = """
import ctypes
import sys

from tests.unit.core.warm_calls import CALLS, STATEFUL

counter = ctypes.CDLL(None).large_allocations
counter.restype = ctypes.c_long
bytearray(4096)
assert counter() > 0, "the counter is not in place"
call = CALLS[sys.argv[1]](None)
for _ in range(5):
    result = call()
before = counter()
for _ in range(50):
    result = call()
# A message is Python's own bytes, which cannot be used again.
messages = sum(len(part) > 400 for part in result) if isinstance(result, list) else 0
print(counter() - before - 50 * messages)
"""


@pytest.fixture(scope="module")
def counting_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counter")
    source, library = folder / "counter.c", folder / "counter.so"
    source.write_text(COUNTER)
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True, capture_output=True
    )
    return library


@pytest.mark.skipif(sys.platform != "linux", reason="replaces malloc as Linux does it")
@pytest.mark.parametrize("name", sorted(set(CALLS) - STATEFUL))
def test_a_warm_loop_allocates_nothing(name: str, counting_library: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOP, name],
        env=os.environ | {"LD_PRELOAD": str(counting_library)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 0
