# SPDX-License-Identifier: GPL-3.0-or-later
"""optimizer: the steps of semantic/nn/optimizer.c: AdamW, SGD with Nesterov momentum, clipping,
and an average of the weights.  Decay is decoupled and spares vectors (biases, norms, slopes).

All tensors of a kind at once (`_foreach`): on a GPU one call each would cost more than the work.
The state has the engine's names (optimizer.m.NAME, ...), so that checkpoints go either way.  To
add a method, write its update beside _adamw and name it in METHODS and in recipe.OPTIONS.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from . import twin
from .recipe import Recipe

BETA1, EPSILON = 0.9, 1e-8


def _adamw(o: "Optimizer", w: list[Tensor], g: list[Tensor], rate: float) -> None:
    m, v = o.moments("m."), o.moments("v.")
    torch._foreach_mul_(m, BETA1)
    torch._foreach_add_(m, g, alpha=1.0 - BETA1)
    torch._foreach_mul_(v, o.beta2)
    torch._foreach_addcmul_(v, g, g, value=1.0 - o.beta2)
    below = torch._foreach_sqrt(v)
    torch._foreach_mul_(below, 1.0 / math.sqrt(1.0 - o.beta2 ** (o.steps + 1)))
    torch._foreach_add_(below, EPSILON)
    torch._foreach_addcdiv_(w, m, below, value=-rate / (1.0 - BETA1 ** (o.steps + 1)))


def _sgd(o: "Optimizer", w: list[Tensor], g: list[Tensor], rate: float) -> None:
    m = o.moments("m.")
    torch._foreach_mul_(m, BETA1)
    torch._foreach_add_(m, g)
    torch._foreach_add_(w, g, alpha=-rate)
    torch._foreach_add_(w, m, alpha=-rate * BETA1)


METHODS = {"adamw": (_adamw, ("m.", "v.")), "sgd": (_sgd, ("m.",))}  # update, its moments


class Optimizer:
    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self.method, moments = METHODS[recipe["train.optimizer"]]
        self.beta2, self.decay = recipe["train.beta2"], recipe["train.decay"]
        self.clip, self.ema = recipe["train.clip"], recipe["train.ema"]
        self.steps = self.skipped = 0
        self.trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
        frozen = {n for n, p in module.named_parameters() if not p.requires_grad}
        self.averaged = {n: t for n, t in twin.tensors_of(module).items() if n not in frozen}
        self.state = {kind + n: torch.zeros_like(p) for n, p in self.trained.items()
                      for kind in moments}
        if self.ema > 0.0:
            self.state.update({f"ema.{n}": t.detach().clone() for n, t in self.averaged.items()})

    def moments(self, kind: str) -> list[Tensor]:
        """"m.": those of every trained tensor, in order."""
        return [self.state[kind + name] for name in self.trained]

    @torch.no_grad()
    def step(self, rate: float) -> float:
        """One step; the gradient's norm before clipping.  A norm that is not finite: no step."""
        gradients = [p.grad for p in self.trained.values()]
        norm = torch.stack(torch._foreach_norm(gradients)).norm().item()
        if not math.isfinite(norm):
            self.skipped += 1
            return norm
        if 0.0 < self.clip < norm:
            gradients = torch._foreach_mul(gradients, self.clip / norm)
        weights = list(self.trained.values())
        if self.decay > 0.0:
            torch._foreach_mul_([w for w in weights if w.ndim > 1], 1.0 - rate * self.decay)
        self.method(self, weights, gradients, rate)
        if self.ema > 0.0:
            self._average()
        self.steps += 1
        return norm

    def _average(self) -> None:
        """Young averages follow faster; an element that is exactly zero starts at the value."""
        age = self.steps + 1
        decay = min(self.ema, age / (age + 10.0))
        for name, value in self.averaged.items():
            average = self.state[f"ema.{name}"]
            moved = decay * average + (1.0 - decay) * value
            average.copy_(torch.where(average == 0.0, value, moved))

    @torch.no_grad()
    def swap_average(self) -> None:
        """Exchanges the weights and their average; again: back.  Nothing without one."""
        if self.ema > 0.0:
            for name, value in self.averaged.items():
                kept = value.clone()
                value.copy_(self.state[f"ema.{name}"])
                self.state[f"ema.{name}"].copy_(kept)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine or a line down to floor_lr."""
    peak, floor = recipe["train.peak_lr"], recipe["train.floor_lr"]
    warmup = int(recipe["train.warmup"] * steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= steps:
        return floor
    part = (step - warmup) / (steps - warmup)
    if recipe["train.schedule"] == "cosine":
        return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * part))
    return floor + (peak - floor) * (1.0 - part)
