# SPDX-License-Identifier: GPL-3.0-or-later
"""image32: the twin of semantic/codec/codec_net.c.

    encoder: picture 0 .. 1 -> (x - .47) * 4 -> space to depth 4 -> conv 3x3 (48 -> W)
             -> blocks -> conv 3x3 (W -> 32) -> bound * tanh -> 64-QAM -> unit power
    decoder: 16 soft complex symbols and 16 noise levels a place -> conv 3x3 (48 -> W)
             -> blocks -> conv 3x3 (W -> 48) -> depth to space 4 -> * .25 + .47
    block:   h + conv 1x1 (PReLU (FiLM (conv 3x3 (h), condition)))

Both are told the mode: the rate and the design SNR, the Es/N0 that the encoder prepares for.

Where to change what: the numbers of a network are the fields of Shape, which name the metadata
and the options alike; the layers of a block are in Block; what tells the mode is in mode_features, and what drives
FiLM in Condition and in the `forward` of Encoder and Decoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import safetensors_file, symbols, twin

STRIDE = 4
CHANNELS = 16  # complex, at the highest rate
RATES = 4
CHANNELS_PER_RATE = CHANNELS // RATES
MODE_FEATURES = RATES + 2
SNR_MIN_DB, SNR_MAX_DB, SNR_PLAIN_DB = -1, 26, 10  # of a mode; of a rate without one
CONDITION = 64
MEAN, SPREAD = 0.47, 0.25
NOISE_SCALE = 0.4


@dataclass(frozen=True)
class Shape:
    """What the metadata tells about the network; the ranges are the engine's."""

    width: int = 64
    encoder_blocks: int = 4
    decoder_blocks: int = 6
    bound: float = 1.15

    @staticmethod
    def ranges() -> dict[str, tuple[float, float]]:
        return {"width": (8, 512), "encoder_blocks": (0, 32), "decoder_blocks": (0, 32),
                "bound": (0.1, 100.0)}

    @classmethod
    def from_notes(cls, notes: dict[str, str]) -> "Shape":
        if notes.get("codec") != "image32":
            raise ValueError("not the weights of an image32 codec "
                             f'(metadata "codec" is {notes.get("codec", "missing")})')
        numbers = {key: twin.note_number(notes, key, *span) for key, span in cls.ranges().items()}
        return cls(**{f.name: type(f.default)(numbers[f.name]) for f in fields(cls)})

    def notes(self) -> dict[str, str]:
        return {"codec": "image32", **{f.name: f"{getattr(self, f.name):g}" for f in fields(self)}}


def mode_features(p: int, snr_db: Tensor) -> Tensor:
    """Rate p = 1 .. 4 and design SNRs [N] -> [N, 6]: one-hot rate, x, and x^2."""
    x = torch.nan_to_num((snr_db - 12.5) / 13.5, nan=-1.2).clamp(-1.2, 1.2)
    rate = torch.zeros(len(x), RATES, device=x.device)
    rate[:, p - 1] = 1.0
    return torch.cat((rate, x[:, None], x[:, None] ** 2), 1)


class Condition(nn.ModuleList):
    """What drives every FiLM of one half: features [N, inputs] -> [N, 64]."""

    def __init__(self, inputs: int) -> None:
        super().__init__((twin.linear(inputs, CONDITION), twin.linear(CONDITION, CONDITION)))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x = F.silu(layer(x))
        return x


class Block(nn.Module):
    """[N, W, h, w] and condition [N, 64] -> [N, W, h, w]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = twin.conv(width, width, 3)
        self.film = twin.linear(CONDITION, 2 * width, gain=0.0)
        self.act = nn.PReLU(width)
        self.conv2 = twin.conv(width, width, 1, gain=0.2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
        return x + self.conv2(self.act(self.conv1(x) * (1.0 + scale) + shift))


class Encoded(NamedTuple):
    """Each [N, 32, h, w]."""

    bounded: Tensor  # before the quantiser
    points: Tensor  # 64-QAM
    symbols: Tensor  # E|s|^2 = 1 over the prefix


class Encoder(nn.Module):
    """Pictures [N, 3, 4h, 4w], 0 .. 1, rate p = 1 .. 4, mode_features [N, 6] -> Encoded."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.bound = shape.bound
        self.condition = Condition(MODE_FEATURES)
        self.stem = twin.conv(3 * STRIDE * STRIDE, shape.width, 3, gain=1.0)
        self.blocks = nn.ModuleList(Block(shape.width) for _ in range(shape.encoder_blocks))
        self.head = twin.conv(shape.width, 2 * CHANNELS, 3, gain=0.6)
        self.scale = symbols.PowerNorm(CHANNELS)

    def forward(self, picture: Tensor, p: int, mode: Tensor) -> Encoded:
        condition = self.condition(mode)
        x = self.stem(F.pixel_unshuffle((picture - MEAN) / SPREAD, STRIDE))
        for block in self.blocks:
            x = block(x, condition)
        bounded = self.bound * torch.tanh(self.head(x) / self.bound)
        points = symbols.quantise(bounded, p * CHANNELS_PER_RATE)
        return Encoded(bounded, points, self.scale(points, p * CHANNELS_PER_RATE))


class Decoder(nn.Module):
    """[N, 48, h, w] as symbols.channel gives, mode -> pictures [N, 3, 4h, 4w], about 0 .. 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.condition = Condition(CHANNELS + MODE_FEATURES)
        self.stem = twin.conv(3 * CHANNELS, shape.width, 3, gain=1.0)
        self.blocks = nn.ModuleList(Block(shape.width) for _ in range(shape.decoder_blocks))
        self.head = twin.conv(shape.width, 3 * STRIDE * STRIDE, 3, gain=0.5)

    def forward(self, soft: Tensor, mode: Tensor) -> Tensor:
        seen = symbols.noise_log(soft)
        sent, levels = seen[:, : 2 * CHANNELS], seen[:, 2 * CHANNELS :] * NOISE_SCALE
        condition = self.condition(torch.cat((levels.mean((2, 3)), mode), 1))
        x = self.stem(torch.cat((sent, levels), 1))
        for block in self.blocks:
            x = block(x, condition)
        return F.pixel_shuffle(self.head(x), STRIDE) * SPREAD + MEAN


class Image32(nn.Module):
    """Both halves, with the names of the weights file."""

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        self.shape = shape
        self.mode_power: list[float] = []  # empty: 1 in every mode
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    @classmethod
    def load(cls, path: str) -> tuple["Image32", dict[str, str]]:
        """-> the network in a file, in `eval` mode, and the file's notes."""
        tensors, notes = safetensors_file.read(path)
        try:
            codec = cls(Shape.from_notes(notes))
        except ValueError as error:
            raise safetensors_file.FormatError(f"{path}: {error}") from None
        twin.assign(codec, tensors, path)
        codec.mode_power = [float(word) for word in notes.get("mode_power", "").split()]
        return codec.eval(), notes


def _power(codec: Image32, p: int, snr_db: float) -> float:
    """What the mode would send without a factor of its own (the file's note `mode_power`)."""
    inside = min(max(snr_db, SNR_MIN_DB), SNR_MAX_DB)
    whole = int(math.copysign(math.floor(abs(inside) + 0.5), inside))
    at = (p - 1) * int(SNR_MAX_DB - SNR_MIN_DB + 1) + whole - int(SNR_MIN_DB)
    return codec.mode_power[at] if codec.mode_power else 1.0


def _mode(rgb: Tensor, p: int, snr_db: float) -> Tensor:
    """As codec_mode: a mode's design SNR is a whole number of decibels."""
    inside = min(max(snr_db, SNR_MIN_DB), SNR_MAX_DB)
    whole = math.copysign(math.floor(abs(inside) + 0.5), inside)
    return mode_features(p, torch.full((len(rgb),), whole, device=rgb.device))


def encode(codec: Image32, rgb: Tensor, p: int, snr_db: float = SNR_PLAIN_DB) -> Tensor:
    """uint8 [N, H, W, 3] -> complex [N, K], in the order they go on the air.

    snr_db: the design SNR.  Channel by channel over the grid; sides that 4 does not divide are padded by their edge.
    """
    picture = rgb.permute(0, 3, 1, 2).float() * (1.0 / 255.0)
    right, below = -rgb.shape[2] % STRIDE, -rgb.shape[1] % STRIDE
    if right or below:
        picture = F.pad(picture, (0, right, 0, below), mode="replicate")
    sent = codec.encoder(picture, p, _mode(rgb, p, snr_db)).symbols[:, : 2 * p * CHANNELS_PER_RATE]
    pairs = sent.reshape(sent.shape[0], -1, 2, sent.shape[2] * sent.shape[3])
    pairs = pairs.float() / math.sqrt(_power(codec, p, snr_db))  # under autocast they may be less
    return torch.complex(pairs[:, :, 0], pairs[:, :, 1]).flatten(1)


def decode(codec: Image32, received: Tensor, noise_var: Tensor, height: int, width: int,
           snr_db: float = SNR_PLAIN_DB) -> Tensor:
    """MMSE estimates complex [N, K] with variances [N, K] -> uint8 [N, height, width, 3].

    As the engine does: what is not sane is lost, and a lost symbol is 0 with variance 1.
    """
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    parts = torch.view_as_real(received)
    good = (noise_var >= 0.0) & (noise_var <= 1.0) & torch.isfinite(parts).all(2)
    variance = torch.where(good, noise_var, torch.ones_like(noise_var))
    parts = torch.where(good[:, :, None], parts, torch.zeros_like(parts))
    used = received.shape[1] // (rows * columns)
    power = _power(codec, used // CHANNELS_PER_RATE, snr_db)
    share = 1.0 - variance + power * variance  # as if the channel were h / sqrt(power)
    parts = parts * (math.sqrt(power) / share)[:, :, None]
    variance = torch.where(good, power * variance / share, variance)
    parts = parts.reshape(-1, used, rows, columns, 2).permute(0, 1, 4, 2, 3).flatten(1, 2)
    beyond = (0, 0, 0, 0, 0, CHANNELS - used)
    soft = torch.cat((
        F.pad(parts, (0, 0, 0, 0, 0, 2 * (CHANNELS - used))),
        F.pad(variance.reshape(-1, used, rows, columns), beyond, value=1.0)), 1)
    mode = _mode(received, used // CHANNELS_PER_RATE, snr_db)
    picture = codec.decoder(soft, mode)[:, :, :height, :width]
    picture = torch.nan_to_num(picture).clamp(0.0, 1.0) * 255.0 + 0.5
    return picture.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
