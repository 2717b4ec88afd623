"""bfloat16 is used where the hardware has it, and only there."""

import pytest
import torch

from framecast_trainer.learning.precision import has_fast_bfloat16, mixed

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PROBE = "_is_avx512_bf16_supported"


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_convolutions_follow_the_processor(supported: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, PROBE, lambda: supported)
    with mixed(CPU):
        assert torch.nn.Conv2d(1, 1, 1)(torch.zeros(1, 1, 2, 2)).dtype == dtype
    assert torch.nn.Conv2d(1, 1, 1)(torch.zeros(1, 1, 2, 2)).dtype == torch.float32


def test_where_torch_does_not_say_float32_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch.cpu, PROBE, raising=False)
    assert not has_fast_bfloat16(CPU)


def test_a_gpu_that_would_emulate_it_does_not_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert not has_fast_bfloat16(CUDA)
