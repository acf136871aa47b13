# SPDX-License-Identifier: GPL-3.0-or-later
"""evaluate: PSNR on an ideal channel that the receiver knows (semantic/train/evaluate.h)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import fading, image32
from .batches import CHANNEL, generator

BATCH = 250


@torch.no_grad()
def psnr_db(codec: image32.Image32, rgb: Tensor, p: int, snr_db: float,
            delay_spread_s: float | None = None, seed: int = 1) -> float:
    """Of the mean squared error, 8-bit, over pictures uint8 [count, H, W, 3]; the encoder knows
    the SNR.

    `delay_spread_s`: block Rayleigh fading, one draw a picture; None: AWGN.
    """
    n0, total = 10.0 ** (-snr_db / 10.0), 0.0
    random = generator(rgb.device, seed, CHANNEL, 0)
    for some in rgb.split(BATCH):
        sent = image32.encode(codec, some, p, snr_db)
        h = torch.ones_like(sent)
        if delay_spread_s is not None:
            spread = torch.full((len(some),), delay_spread_s, device=rgb.device)
            h = fading.over_symbols(fading.draw(spread, random), sent.shape[1])
        y = h * sent + math.sqrt(n0) * fading.complex_normal(tuple(sent.shape), random)
        gain = h.real ** 2 + h.imag ** 2
        got = image32.decode(codec, h.conj() * y / (gain + n0), n0 / (gain + n0),
                             some.shape[1], some.shape[2], snr_db)
        total += ((got.float() - some.float()) ** 2).mean((1, 2, 3)).double().sum().item()
    return 10.0 * math.log10(255.0 ** 2 / max(total / len(rgb), 255.0 ** 2 * 1e-10))
