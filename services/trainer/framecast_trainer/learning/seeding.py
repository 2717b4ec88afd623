"""Everything random follows from one number."""

import torch


def seed_everything(seed: int) -> None:
    """Order and augmentation have generators of their own; this one gives first weights and torchvision's samples."""
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
