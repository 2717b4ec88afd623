"""Caches stay within a quarter of the memory that machine and control groups leave to the process."""

from pathlib import Path

import pytest

from framecast_trainer.learning.cache_budget import cache_budget

MOST = 2 * 1024**3
MIB = 1024**2


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def meminfo(mib: int) -> dict[str, str]:
    return {"proc/meminfo": f"MemTotal: 99999999 kB\nMemAvailable: {mib * 1024} kB\n"}


def group(folder: str, limit: str, used: int, files: int = 0) -> dict[str, str]:
    return {
        f"{folder}/memory.max": limit + "\n",
        f"{folder}/memory.current": f"{used * MIB}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {files * MIB}\n",
    }


V2 = {"proc/self/cgroup": "0::/pods/pod\n"}
CGROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MOST),
        (meminfo(64_000), MOST),
        (meminfo(1000), 250 * MIB),
        (meminfo(64_000) | V2 | group(f"{CGROUP}/pods/pod", str(1000 * MIB), 700, files=100), 100 * MIB),
        (meminfo(64_000) | V2 | group(f"{CGROUP}/pods/pod", "max", 700), MOST),
        (meminfo(64_000) | V2 | group(f"{CGROUP}/pods", str(800 * MIB), 400), 100 * MIB),
        (meminfo(64_000) | V2 | group(CGROUP, str(400 * MIB), 0), 100 * MIB),
        (meminfo(64_000) | V2 | group(CGROUP, str(400 * MIB), 500), 0),
        (
            meminfo(64_000)
            | {
                "proc/self/cgroup": "9:cpu,memory:/docker/x\n3:pids:/\n",
                f"{CGROUP}/memory/memory.limit_in_bytes": f"{800 * MIB}\n",
                f"{CGROUP}/memory/memory.usage_in_bytes": f"{500 * MIB}\n",
                f"{CGROUP}/memory/memory.stat": f"total_inactive_file {100 * MIB}\n",
            },
            100 * MIB,
        ),
    ],
    ids=["unknown", "plenty", "machine", "group", "unlimited", "above", "container", "exceeded", "version 1"],
)
def test_a_cache_takes_a_quarter_of_what_is_left(files: dict[str, str], expected: int, tmp_path: Path):
    assert cache_budget(MOST, lay(tmp_path, files)) == expected


def test_this_machine_has_room():
    assert 0 <= cache_budget(MOST) <= MOST
