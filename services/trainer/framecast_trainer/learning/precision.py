"""Where arithmetic may be done in bfloat16: convolutions, on hardware that has instructions for it.

Weights, losses and everything that is measured or exported stay float32.
"""

from contextlib import AbstractContextManager

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Elsewhere bfloat16 is emulated, and slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # The public way to ask is torch.backends.cpu.get_cpu_capability(), which does not know bfloat16.
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def mixed(device: torch.device) -> AbstractContextManager[None]:
    """Inside it, what is safe in bfloat16 is done in bfloat16; changes nothing where that would not pay."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device))
