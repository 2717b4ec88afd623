"""By how many KiB memory rises at most while 300 soft masks on 12 megapixels become polygons, on two threads.

    python -m benchmarks.core_masks_memory

Linux only: the peak is what the kernel counts for this process image (a parent's peak would be in `ru_maxrss`).
"""

from pathlib import Path

import numpy as np

import framecast_core


def peak_kibibytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


def main() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:28, :28] - 13.5
    radius, noise = rng.uniform(6, 13, (300, 1, 1)), rng.normal(0, 0.3, (300, 28, 28))
    masks = (1 / (1 + np.exp(np.hypot(x, y) - radius + noise))).astype(np.float32)
    corners = rng.uniform(0, 1, (300, 2)) * (2500, 1500)
    boxes = np.concatenate([corners, corners + rng.uniform(900, 1500, (300, 2))], axis=1).astype(np.float32)
    sizes = np.tile(np.array([[3000, 4000]], np.int32), (300, 1))
    pool = framecast_core.ThreadPool(2)
    before = peak_kibibytes()
    for rdp in (0, 0.005):
        thresholds = np.full(300, rdp, np.float32)
        polygons = framecast_core.masks_to_polygons(
            masks, boxes, sizes, threshold=0.5, rdp_thresholds=thresholds, pool=pool
        )
        if polygons.areas.mean() < 300_000:
            raise ValueError("the masks are smaller than they should be")
    print(peak_kibibytes() - before)


if __name__ == "__main__":
    main()
