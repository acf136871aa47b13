# SPDX-License-Identifier: GPL-3.0-or-later
"""batches: training batches from one or two data sets, augmented on the device.

As semantic/train/batches.h: what step s holds depends on the seed and s alone; each epoch visits
every picture of the main set once in a fresh order, without the last incomplete batch; with the
probability `mix_share` a picture is replaced by a random one of the second set.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .dataset import SIDE, open_dataset
from .recipe import Recipe

# What a random stream is for.
ORDER, PICTURES, CHANNEL = 0, 1, 2


def generator(device: torch.device, seed: int, stream: int, number: int) -> torch.Generator:
    """Random numbers that depend on seed, use, and step alone."""
    mixed = (seed * 3 + stream) * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03
    return torch.Generator(device).manual_seed(mixed % (1 << 63))


class Batches:
    """Both sets live in the device's memory as bytes."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.main = self._pool(recipe["data.train"])
        self.mix = self._pool(recipe["data.mix"]) if recipe["data.mix"] else None
        if len(self.main[0]) < recipe["train.batch"]:
            raise ValueError(f"{recipe['data.train']} has fewer pictures than a batch")
        self.per_epoch = len(self.main[0]) // recipe["train.batch"]
        self._ordered, self._order = -1, torch.empty(0)

    def _pool(self, spec: str) -> tuple[Tensor, Tensor]:
        pixels, labels = open_dataset(spec)
        return torch.tensor(pixels, device=self.device), torch.tensor(labels, device=self.device)

    def _indices(self, step: int) -> Tensor:
        """[batch]: pictures of the main set."""
        epoch, at = divmod(step, self.per_epoch)
        if self._ordered != epoch:
            order = generator(torch.device("cpu"), self.recipe["train.seed"], ORDER, epoch)
            self._order = torch.randperm(len(self.main[0]), generator=order).to(self.device)
            self._ordered = epoch
        batch = self.recipe["train.batch"]
        return self._order[at * batch : (at + 1) * batch]

    def fill(self, step: int) -> tuple[Tensor, Tensor]:
        """-> pictures [batch, 3, 32, 32], 0 .. 1, and labels int64 [batch]."""
        recipe, index = self.recipe, self._indices(step)
        random = generator(self.device, recipe["train.seed"], PICTURES, step)
        count = len(index)

        def uniform() -> Tensor:
            return torch.rand(count, generator=random, device=self.device)

        pixels, labels = self.main[0][index], self.main[1][index]
        if self.mix is not None:
            other = (uniform() * len(self.mix[0])).long().clamp_max(len(self.mix[0]) - 1)
            use = uniform() < recipe["data.mix_share"]
            pixels = torch.where(use[:, None, None, None], self.mix[0][other], pixels)
            labels = torch.where(use, self.mix[1][other], labels)
        if recipe["data.flip"]:
            mirrored = (uniform() < 0.5)[:, None, None, None]
            pixels = torch.where(mirrored, pixels.flip(3), pixels)
        pad = recipe["data.crop_pad"]
        if pad:
            for side in (3, 2):
                shift = (uniform() * (2 * pad + 1)).long().clamp_max(2 * pad) - pad
                pixels = _shift(pixels, shift, side)
        return pixels.float() * (1.0 / 255.0), labels


def _shift(pixels: Tensor, shift: Tensor, side: int) -> Tensor:
    """Each picture of [N, 3, 32, 32] along one side by its own shift [N], edges reflected."""
    at = torch.arange(SIDE, device=pixels.device)[None] + shift[:, None]
    at = at.abs()
    at = torch.where(at < SIDE, at, 2 * (SIDE - 1) - at)
    at = at[:, None, None, :] if side == 3 else at[:, None, :, None]
    return pixels.gather(side, at.expand_as(pixels))
