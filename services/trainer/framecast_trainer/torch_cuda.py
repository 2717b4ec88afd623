"""Asks PyTorch for a GPU in a process of its own: importing it here would cost the service 200 MB for good."""

import functools
import subprocess
import sys


class TorchCuda:
    """See `Cuda`."""

    @functools.cache  # noqa: B019 - one instance per process
    def available(self) -> bool:
        """Whether PyTorch finds a CUDA device; asked once."""
        script = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 3)"
        return subprocess.run([sys.executable, "-c", script], check=False, timeout=120).returncode == 0
