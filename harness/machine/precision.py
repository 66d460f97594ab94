"""Whether bfloat16 is worth it on a device."""

from __future__ import annotations

import platform


def bfloat16_helps(device: str) -> bool:
    """Whether the device multiplies in bfloat16 natively. Other devices are slower in bfloat16 than in float32."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device)[0] >= 8
    if platform.machine() in ("x86_64", "AMD64"):
        # PyTorch's own check accepts every AVX-512. Most of these emulate bfloat16, at a third of the speed.
        checks = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    else:
        # PyTorch without oneDNN, as built for macOS, has no such check.
        checks = [getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)]
    return any(check() for check in checks if check)
