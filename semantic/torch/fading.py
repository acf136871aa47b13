# SPDX-License-Identifier: GPL-3.0-or-later
"""fading: the channels of semantic/train/fading.h, a whole batch at once.

Block Rayleigh fading with an exponential power-delay profile: tap l at delay l*omega/4, power
proportional to exp(-l/4), E|h|^2 = 1.  Symbol k of a picture rides on data sub-carrier k mod 120,
30 kHz apart.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CARRIERS = 120
TAPS, TAPS_PER_SPREAD = 24, 4
SPACING_HZ = 30e3


def complex_normal(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Circular, E|x|^2 = 1."""
    parts = torch.randn(*shape, 2, generator=random, device=random.device) * math.sqrt(0.5)
    return torch.view_as_complex(parts)


def draw(spread_s: Tensor, random: torch.Generator) -> Tensor:
    """Delay spreads [N], seconds -> h complex [N, 120]."""
    device = spread_s.device
    tap = torch.arange(TAPS, device=device) / TAPS_PER_SPREAD
    power = torch.softmax(-tap, 0)
    value = complex_normal((len(spread_s), TAPS), random) * power.sqrt()
    carrier = torch.arange(CARRIERS, device=device)
    turns = -2.0 * math.pi * SPACING_HZ * spread_s[:, None, None] * tap[None, :, None]
    angle = turns * carrier[None, None, :]
    return (value[:, :, None] * torch.polar(torch.ones_like(angle), angle)).sum(1)


def over_symbols(h: Tensor, count: int) -> Tensor:
    """[N, 120] -> [N, count]: the gain of each symbol in the order they are sent."""
    return h[:, torch.arange(count, device=h.device) % CARRIERS]
