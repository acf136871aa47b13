# SPDX-License-Identifier: GPL-3.0-or-later
"""symbols: what happens to complex symbols between encoder and decoder.

The equations are those of semantic/nn/symbols.c, channel.c, and loss.c.  A tensor of symbols is
[N, 2C, h, w]: channels 2c and 2c+1 are the real and imaginary part of complex channel c.  A rate
sends the first `used` complex channels; what lies beyond is zero.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def prefix(x: Tensor, used: int) -> Tensor:
    """[N, 2C, h, w] with zeros beyond the first `used` complex channels."""
    return F.pad(x[:, : 2 * used], (0, 0, 0, 0, 0, x.shape[1] - 2 * used))


class _Nearest(torch.autograd.Function):
    """The nearest of (2i-7)/sqrt(42), i = 0 .. 7, on each axis; the gradient passes straight."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[override]
        index = (x * math.sqrt(42.0) + 7.0) * 0.5 + 0.5
        return (2.0 * index.clamp(0.0, 7.0).floor() - 7.0) * (1.0 / math.sqrt(42.0))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient


def quantise(x: Tensor, used: int) -> Tensor:
    """[N, 2C, h, w] -> 64-QAM points of the same shape, zeros beyond the prefix."""
    return prefix(_Nearest.apply(x), used)


class PowerNorm(nn.Module):
    """[N, 2C, h, w] -> the prefix at E|s|^2 = 1 over the batch, zeros beyond.

    `running_power` [C]: element p-1 is the running mean of the power with p channels, which
    `eval` uses.  0 there: never trained at that prefix, the batch's own power is used.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_power", torch.zeros(channels))

    def forward(self, x: Tensor, used: int) -> Tensor:
        x = prefix(x, used)
        running = self.running_power[used - 1]
        power = (x * x).sum() / (x.shape[0] * used * x.shape[2] * x.shape[3])
        power = torch.where(power > 1e-20, power, torch.ones_like(power))
        if not self.training:
            power = torch.where(running > 0.0, running, power)
        else:
            with torch.no_grad():
                moved = running + 0.05 * (power - running)
                self.running_power[used - 1] = torch.where(running > 0.0, moved, power)
        return x / power.sqrt()


def channel(s: Tensor, h: Tensor, noise: Tensor, n0: Tensor, used: int) -> Tensor:
    """The air and the MMSE equaliser: y = h s + n, s_hat = conj(h) y / (|h|^2 + N0).

    s, h, noise [N, 2C, h, w]; n0 [N].  -> [N, 3C, h, w]: s_hat, then the noise variances
    N0 / (|h|^2 + N0).  Beyond the prefix: 0 with variance 1.
    """
    count, reals, rows, columns = s.shape
    pairs = (count, reals // 2, 2, rows, columns)
    sr, si = s.reshape(pairs).unbind(2)
    hr, hi = h.reshape(pairs).unbind(2)
    nr, ni = noise.reshape(pairs).unbind(2)
    n0 = n0.reshape(-1, 1, 1, 1)
    yr, yi = hr * sr - hi * si + nr, hr * si + hi * sr + ni
    inverse = 1.0 / (hr * hr + hi * hi + n0)
    soft = torch.stack(((hr * yr + hi * yi) * inverse, (hr * yi - hi * yr) * inverse), 2)
    variance = torch.cat((n0 * inverse[:, :used], torch.ones_like(inverse[:, used:])), 1)
    return torch.cat((prefix(soft.reshape(s.shape), used), variance), 1)


def noise_log(soft: Tensor) -> Tensor:
    """[N, 3C, h, w]: symbols pass; variance v becomes -log10 v, 0 (nothing known) .. 4."""
    reals = soft.shape[1] // 3 * 2
    levels = -torch.log10(soft[:, reals:].detach().clamp(1e-4, 1.0))
    return torch.cat((soft[:, :reals], levels), 1)


def commitment(x: Tensor, points: Tensor, used: int) -> Tensor:
    """[N]: mean |x - point|^2 per complex symbol of the prefix; the points are constants."""
    d = x[:, : 2 * used] - points[:, : 2 * used].detach()
    return (d * d).sum((1, 2, 3)) / (used * x.shape[2] * x.shape[3])
