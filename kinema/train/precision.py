"""Mixed precision: bf16 over fp32 master weights where the device multiplies bf16 by itself, fp32 where it does not."""

from functools import cache

import torch

from kinema.backends.processor import BF16_FLAGS, processor_flags


def mixed(device: str) -> torch.autocast:
    """The context that networks are run in to learn on a device such as 'cuda' or 'cpu'.

    On processors without bf16 it changes nothing: there torch imitates it, which takes three times as long as fp32.
    """
    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or _has_bf16())


@cache
def _has_bf16() -> bool:
    return bool(processor_flags() & set(BF16_FLAGS))
