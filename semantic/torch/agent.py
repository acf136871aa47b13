# SPDX-License-Identifier: GPL-3.0-or-later
"""agent: the twin of semantic/codec/agent_net.c and nn/codebook.c, the VQ-VAE of DeKAP's agents.

    encoder: picture 0 .. 1 -> (x - .47) * 4 -> space to depth 4 -> conv 3x3 (48 -> W) -> blocks
             -> conv 3x3 (W -> D)
    codes:   the nearest of 512 vectors, gradient straight through
    decoder: conv 3x3 (D -> W) -> blocks -> conv 3x3 (W -> 48) -> depth to space 4 -> * .25 + .47
    block:   h + conv 3x3 (PReLU (conv 3x3 (h)))
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import safetensors_file, twin

STRIDE = 4
CODES = 512
CHANNELS = 2  # complex symbols a place
MEAN, SPREAD = 0.47, 0.25
DECAY, NEGLECT = 0.97, 0.02


@dataclass(frozen=True)
class Shape:
    """What the metadata tells about the network; the ranges are the engine's."""

    width: int = 80
    encoder_blocks: int = 4
    decoder_blocks: int = 4
    code_size: int = 16

    @staticmethod
    def ranges() -> dict[str, tuple[float, float]]:
        return {"width": (8, 512), "encoder_blocks": (0, 32), "decoder_blocks": (0, 32),
                "code_size": (3, 128)}

    @classmethod
    def from_notes(cls, notes: dict[str, str]) -> "Shape":
        if notes.get("codec") != "agent":
            raise ValueError("not the weights of an agent codec "
                             f'(metadata "codec" is {notes.get("codec", "missing")})')
        return cls(**{key: int(twin.note_number(notes, key, *span))
                      for key, span in cls.ranges().items()})

    def notes(self) -> dict[str, str]:
        return {"codec": "agent", **{f.name: str(getattr(self, f.name)) for f in fields(self)}}


class Block(nn.Module):
    """[N, W, h, w] -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = twin.conv(width, width, 3)
        self.act = nn.PReLU(width)
        self.conv2 = twin.conv(width, width, 3, gain=0.2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.act(self.conv1(x)))


class Encoder(nn.Module):
    """Pictures [N, 3, 4h, 4w], 0 .. 1 -> vectors [N, D, h, w], not yet quantised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.stem = twin.conv(3 * STRIDE * STRIDE, shape.width, 3, gain=1.0)
        self.blocks = nn.ModuleList(Block(shape.width) for _ in range(shape.encoder_blocks))
        self.head = twin.conv(shape.width, shape.code_size, 3, gain=1.0)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.stem(F.pixel_unshuffle((picture - MEAN) / SPREAD, STRIDE))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Decoder(nn.Module):
    """Code vectors [N, D, h, w] -> pictures [N, 3, 4h, 4w], about 0 .. 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.stem = twin.conv(shape.code_size, shape.width, 3, gain=1.0)
        self.blocks = nn.ModuleList(Block(shape.width) for _ in range(shape.decoder_blocks))
        self.head = twin.conv(shape.width, 3 * STRIDE * STRIDE, 3, gain=0.5)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.stem(codes)
        for block in self.blocks:
            x = block(x)
        return F.pixel_shuffle(self.head(x), STRIDE) * SPREAD + MEAN


class Codebook(nn.Module):
    """[N, D, h, w] -> the nearest codes' vectors and their numbers [N, h, w].

    In training mode the codebook follows what is assigned to it; the first batch seeds it, and codes
    that hardly anybody chooses are moved, as in the engine but to other vectors of the batch.
    `frozen`: stays as it is.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.frozen = False
        self.register_buffer("codebook", torch.zeros(CODES, shape.code_size))
        self.register_buffer("usage", torch.zeros(CODES))
        self.register_buffer("batches", torch.zeros(1))
        self.register_buffer("running_power", torch.ones(CHANNELS))  # of the points on the air

    @torch.no_grad()
    def _follow(self, rows: Tensor, code: Tensor) -> None:
        fair = len(rows) / CODES
        count = torch.bincount(code, minlength=CODES).float()
        total = torch.zeros_like(self.codebook).index_add_(0, code, rows)
        self.usage.mul_(DECAY).add_((1.0 - DECAY) * count)
        lost = self.usage < NEGLECT * fair
        share = ((1.0 - DECAY) / self.usage.clamp(min=1e-20))[:, None]
        self.codebook += torch.where(lost[:, None], torch.zeros_like(total),
                                     share * (total - count[:, None] * self.codebook))
        if bool(lost.any()):
            chosen = torch.randint(len(rows), (int(lost.sum()),), device=rows.device)
            self.codebook[lost] = rows[chosen]
            self.usage[lost] = fair
        self.batches += 1.0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        count, size, high, wide = x.shape
        rows = x.detach().permute(0, 2, 3, 1).reshape(-1, size)
        follows = self.training and not self.frozen
        if follows and self.batches.item() == 0.0:
            self.codebook.copy_(rows[torch.randint(len(rows), (CODES,), device=rows.device)])
            self.usage.fill_(len(rows) / CODES)
        code = (rows @ self.codebook.t() - 0.5 * (self.codebook ** 2).sum(1)).argmax(1)
        chosen = self.codebook[code].reshape(count, high, wide, size).permute(0, 3, 1, 2)
        if follows:
            self._follow(rows, code)
        return x + (chosen - x).detach(), code.reshape(count, high, wide)


class Result(NamedTuple):
    picture: Tensor
    latent: Tensor  # before the quantiser
    quantised: Tensor
    codes: Tensor


class Agent(nn.Module):
    """Pictures to pictures, with the names of the weights file."""

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.codes = Codebook(shape)
        self.decoder = Decoder(shape)

    def forward(self, picture: Tensor) -> Result:
        latent = self.encoder(picture)
        quantised, codes = self.codes(latent)
        return Result(self.decoder(quantised), latent, quantised, codes)

    @classmethod
    def load(cls, path: str) -> tuple["Agent", dict[str, str]]:
        """-> the network in a file, in `eval` mode, and the file's notes."""
        tensors, notes = safetensors_file.read(path)
        try:
            agent = cls(Shape.from_notes(notes))
        except ValueError as error:
            raise safetensors_file.FormatError(f"{path}: {error}") from None
        twin.assign(agent, tensors, path)
        return agent.eval(), notes


def loss(result: Result, picture: Tensor, weight: float = 1.0) -> Tensor:
    """What the base is trained with: squared error over a variance of 1/16, and the commitment."""
    commitment = ((result.latent - result.quantised.detach()) ** 2).mean()
    return 16.0 * ((result.picture - picture) ** 2).mean() + weight * commitment
