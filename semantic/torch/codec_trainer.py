# SPDX-License-Identifier: GPL-3.0-or-later
"""codec_trainer: one network for all rates and SNRs, as semantic/train/codec_trainer.c.

Each step draws one rate and one kind of channel for the batch, and an SNR for each picture.

    loss = 500 * w(gamma) * v_p * mean (x_hat - x)^2 + eta * commitment
    w(gamma) = 2.2 / (1 + 10^(-.09 (gamma_dB - 12)))
"""

from __future__ import annotations

import math
import random as python_random

import torch
from torch import Tensor

from . import evaluate, fading, image32, symbols, twin
from .batches import CHANNEL, Batches, generator
from .crops import Crops
from .dataset import open_dataset
from .recipe import Recipe
from .train_run import Task

RATE_SHARE = (0.2, 0.4, 0.2, 0.2)
RATE_WEIGHT = (0.6, 1.0, 1.4, 1.8)
SNR_SLIP_DB, SNR_SLIP_SHARE = 5.0, 0.25  # design SNRs that are wrong
SPREAD_MIN_S, SPREAD_MAX_S = 30e-9, 300e-9
CHECK_IMAGES = 500

# title, rate, delay spread, SNRs
ROWS = (("AWGN 1/6", 2, None, (0, 5, 10, 15, 20, 25)), (" 1/12", 1, None, (10,)),
        (" 1/4", 3, None, (10,)), (" 1/3", 4, None, (10, 20)),
        (" Rayleigh 1/6", 2, 100e-9, (10, 20)))


class CodecTask(Task):
    kind = "codec"

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        crop = recipe["codec.crop"]
        if crop % image32.STRIDE:
            raise ValueError(f"codec.crop = {crop} is no multiple of {image32.STRIDE}")
        self.batches = Crops(recipe, device, crop) if crop else Batches(recipe, device)
        self.test = None
        if recipe["data.test"]:
            pixels, _ = open_dataset(recipe["data.test"])
            self.test = torch.tensor(pixels, device=device).permute(0, 2, 3, 1).contiguous()
        torch.manual_seed(recipe["train.seed"])
        self.module = image32.Image32(image32.Shape(
            **{key: recipe[f"codec.{key}"] for key in image32.Shape.ranges()}))
        self.module.to(device, memory_format=torch.channels_last)
        twin.use_bf16(self.module, recipe["train.bf16"])
        self.quantisation = math.nan

    def notes(self) -> dict[str, str]:
        return self.module.shape.notes()

    def _draw_rate(self, step: int) -> tuple[int, bool]:
        """-> the rate p and whether the channels of this step fade."""
        random = python_random.Random(f"{self.recipe['train.seed']} {step}")
        p = random.choices(range(1, image32.RATES + 1), RATE_SHARE)[0]
        return p, random.random() < self.recipe["codec.fading_share"]

    def _draw_channel(self, shape: torch.Size, used: int, fades: bool,
                      random: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For symbols [N, 2C, h, w] -> h, noise (of that shape), N0 [N], SNR in dB [N]."""
        count, reals, rows, columns = shape
        low, high = self.recipe["codec.snr_min_db"], self.recipe["codec.snr_max_db"]
        snr_db = low + (high - low) * torch.rand(count, generator=random, device=self.device)
        n0 = 10.0 ** (-snr_db / 10.0)
        noise = torch.randn(shape, generator=random, device=self.device)
        noise = noise * (0.5 * n0).sqrt()[:, None, None, None]
        h = torch.zeros(shape, device=self.device)
        h[:, 0 : 2 * used : 2] = 1.0
        if fades:
            share = torch.rand(count, generator=random, device=self.device)
            spread_s = SPREAD_MIN_S * (SPREAD_MAX_S / SPREAD_MIN_S) ** share
            gain = fading.over_symbols(fading.draw(spread_s, random), used * rows * columns)
            gain = gain.reshape(count, used, rows, columns)
            h[:, 0 : 2 * used : 2], h[:, 1 : 2 * used : 2] = gain.real, gain.imag
        return h, noise, n0, snr_db

    def _draw_design(self, snr_db: Tensor, random: torch.Generator) -> Tensor:
        """Design SNRs: the channel's within a decibel, or a few decibels off it (SNR_SLIP_SHARE),
        for real transmitters know it only so well."""
        def uniform() -> Tensor:
            return torch.rand(len(snr_db), generator=random, device=self.device)

        slip = SNR_SLIP_DB * torch.randn(len(snr_db), generator=random, device=self.device)
        return snr_db + torch.where(uniform() < SNR_SLIP_SHARE, slip, uniform() - 0.5)

    def loss(self, step: int) -> Tensor:
        picture, _ = self.batches.fill(step)
        picture = picture.contiguous(memory_format=torch.channels_last)
        p, fades = self._draw_rate(step)
        used = p * image32.CHANNELS_PER_RATE
        random = generator(self.device, self.recipe["train.seed"], CHANNEL, step)
        shape = torch.Size((len(picture), 2 * image32.CHANNELS,
                            *(side // image32.STRIDE for side in picture.shape[2:])))
        h, noise, n0, snr_db = self._draw_channel(shape, used, fades, random)
        mode = image32.mode_features(p, self._draw_design(snr_db, random))
        sent = self.module.encoder(picture, p, mode)
        soft = symbols.channel(sent.symbols, h, noise, n0, used)
        received = self.module.decoder(soft, mode)
        weight = 500.0 * 2.2 * RATE_WEIGHT[p - 1] / (1.0 + 10.0 ** (-0.09 * (snr_db - 12.0)))
        loss = (((received - picture) ** 2).mean((1, 2, 3)) * weight).mean()
        away = symbols.commitment(sent.bounded, sent.points, used).mean()
        self.quantisation = away.detach() / 2.0
        if self.recipe["codec.commitment"] > 0.0:
            loss = loss + self.recipe["codec.commitment"] * away
        return loss

    def describe(self) -> str:
        """Squared quantisation error per axis (floor .0079), and the points' power per rate."""
        power = self.module.encoder.scale.running_power.tolist()
        return (f"quantisation {float(self.quantisation):.4f} power "
                + " ".join(f"{power[at]:.2f}" for at in (3, 7, 11, 15)))

    def validate(self, final: bool) -> str:
        if self.test is None:
            return ""
        twin.use_bf16(self.module, False)
        pictures = self.test if final else self.test[:CHECK_IMAGES]
        text = ""
        for title, p, spread_s, snrs_db in ROWS:
            text += title
            for snr_db in snrs_db:
                psnr_db = evaluate.psnr_db(self.module, pictures, p, snr_db, spread_s)
                text += f" {snr_db}:{psnr_db:.2f}"
        twin.use_bf16(self.module, self.recipe["train.bf16"])
        return text
