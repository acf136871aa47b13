# SPDX-License-Identifier: GPL-3.0-or-later
"""crops: training batches of square cuts from photos of any size (semantic/train/crops.h).

What step s holds depends on the seed and s alone: photos (all alike likely), with probability 1/5
at half size, places, and mirror images.  Photos whose shorter side has 2 x 640 pixels or more are
reduced by a whole number first.  Reducing is the mean over r x r pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .batches import PICTURES, generator
from .dataset import open_pictures
from .recipe import Recipe

SHORT_SIDE, HALF_SHARE = 640, 0.2


def reduced(photo: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> its means over r x r pixels, rounded; the rest at the edges is dropped."""
    r = max(1, min(photo.shape[:2]) // SHORT_SIDE)
    rows, columns = photo.shape[0] // r, photo.shape[1] // r
    parts = photo[: rows * r, : columns * r].reshape(rows, r, columns, r, 3)
    area = r * r
    return ((parts.sum((1, 3), dtype=np.uint32) + area // 2) // area).astype(np.uint8)


class Crops:
    """The photos lie in the device's memory, end to end as bytes."""

    def __init__(self, recipe: Recipe, device: torch.device, side: int) -> None:
        self.recipe, self.device, self.side = recipe, device, side
        photos = []
        for number, photo in enumerate(open_pictures(recipe["data.train"])):
            if min(photo.shape[:2]) < side:
                raise ValueError(f"data set {recipe['data.train']}: picture {number} is "
                                 f"{photo.shape[1]} x {photo.shape[0]}, smaller than a crop of {side}")
            photos.append(reduced(photo))
        sizes = torch.tensor([photo.shape[:2] for photo in photos], device=device)
        self.rows, self.columns = sizes.unbind(1)
        self.start = (self.rows * self.columns).cumsum(0) - self.rows * self.columns
        pixels = np.concatenate([photo.reshape(-1, 3) for photo in photos])
        self.pixels = torch.from_numpy(pixels).to(device)
        # An epoch is as many cuts as there are photos.
        self.per_epoch = max(1, len(photos) // recipe["train.batch"])

    def fill(self, step: int) -> tuple[Tensor, None]:
        """-> pictures [batch, 3, side, side], 0 .. 1; there are no labels."""
        random = generator(self.device, self.recipe["train.seed"], PICTURES, step)

        def below(limit: Tensor) -> Tensor:
            """[batch]: whole numbers of 0 .. limit - 1."""
            share = torch.rand(self.recipe["train.batch"], generator=random, device=self.device,
                               dtype=torch.float64)
            return torch.minimum((share * limit).long(), limit - 1)

        def count(number: int) -> Tensor:
            return torch.full((self.recipe["train.batch"],), number, device=self.device)

        photo = below(count(len(self.rows)))
        rows, columns = self.rows[photo], self.columns[photo]
        half = below(count(10)) < round(10 * HALF_SHARE)
        r = 1 + (half & (torch.minimum(rows, columns) >= 2 * self.side)).long()
        left, top = below(columns - r * self.side + 1), below(rows - r * self.side + 1)
        mirrored = (below(count(2)) == 1) & self.recipe["data.flip"]
        along = torch.arange(self.side, device=self.device)
        x = torch.where(mirrored[:, None], self.side - 1 - along, along) * r[:, None]
        y = along * r[:, None] + top[:, None]
        total = torch.zeros(len(r), self.side, self.side, 3, device=self.device)
        for dy in range(2):  # at full size both are the same pixel
            for dx in range(2):
                row = y + torch.clamp_max(count(dy), r - 1)[:, None]
                column = x + (left + torch.clamp_max(count(dx), r - 1))[:, None]
                at = (self.start[photo, None] + row * columns[:, None])[:, :, None] + column[:, None]
                total += self.pixels[at]
        return total.permute(0, 3, 1, 2) * (1.0 / (4.0 * 255.0)), None
