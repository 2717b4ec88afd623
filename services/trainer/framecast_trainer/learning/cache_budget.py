"""How much memory a cache may take: never more than a share of what the process can still have."""

from collections.abc import Iterator
from pathlib import Path

_SHARE = 4


def cache_budget(most: int, root: Path = Path("/")) -> int:
    """Bytes: `most`, or a quarter of the available memory where that is less. `root` is where proc and sys lie."""
    return min([most, *(free // _SHARE for free in _available(root))])


def _available(root: Path) -> Iterator[int]:
    """Bytes that the machine, and every control group around the process, has left; nothing where neither says."""
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _within(root / "sys/fs/cgroup", path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _within(root / "sys/fs/cgroup/memory", path, *names)


def _within(mount: Path, path: str, limit: str, usage: str, reclaimable: str) -> Iterator[int]:
    """Of a group and all above it. A container may see its own group as the mount itself, whatever its path says."""
    group = mount / path.strip("/")
    for folder in (group, *group.parents):
        allowed, used = _number(folder / limit), _number(folder / usage)
        if allowed is not None and used is not None:
            # Files that were read count as used, but go when room is needed.
            counts = [line.split()[1] for line in _lines(folder / "memory.stat") if line.startswith(f"{reclaimable} ")]
            yield max(0, allowed - used + sum(map(int, counts)))
        if folder == mount:
            break


def _number(path: Path) -> int | None:
    """None where there is no such file, or it says `max`."""
    text = "".join(_lines(path))
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
