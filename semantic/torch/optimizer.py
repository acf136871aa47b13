# SPDX-License-Identifier: GPL-3.0-or-later
"""optimizer: the steps of semantic/nn/optimizer.c: AdamW, SGD with Nesterov momentum, Muon,
clipping, and an average of the weights.  Decay is decoupled and spares vectors (biases, norms,
slopes).

All tensors of a kind at once (`_foreach`): on a GPU one call each would cost more than the work.
The state has the engine's names (optimizer.m.NAME, ...), so that checkpoints go either way.  To
add a method, write its update beside _adamw and name it in METHODS and in recipe.OPTIONS.
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple

import torch
from torch import Tensor, nn

from . import twin
from .recipe import Recipe

BETA1, EPSILON = 0.9, 1e-8
MUON_MOMENTUM, MUON_ITERATIONS, MUON_SCALE = 0.95, 5, 0.2
MUON_A, MUON_B, MUON_C = 3.4445, -4.7750, 2.0315


class Group(NamedTuple):
    """The tensors of one update: names, weights, gradients, and gradients within the clip."""

    names: list[str]
    weights: list[Tensor]
    raw: list[Tensor]
    clipped: list[Tensor]


def _adamw(o: "Optimizer", group: Group, rate: float) -> None:
    w, g = group.weights, group.clipped
    m, v = o.moments("m.", group), o.moments("v.", group)
    torch._foreach_mul_(m, BETA1)
    torch._foreach_add_(m, g, alpha=1.0 - BETA1)
    torch._foreach_mul_(v, o.beta2)
    torch._foreach_addcmul_(v, g, g, value=1.0 - o.beta2)
    below = torch._foreach_sqrt(v)
    torch._foreach_mul_(below, 1.0 / math.sqrt(1.0 - o.beta2 ** (o.steps + 1)))
    torch._foreach_add_(below, EPSILON)
    torch._foreach_addcdiv_(w, m, below, value=-rate / (1.0 - BETA1 ** (o.steps + 1)))


def _sgd(o: "Optimizer", group: Group, rate: float) -> None:
    w, g, m = group.weights, group.clipped, o.moments("m.", group)
    torch._foreach_mul_(m, BETA1)
    torch._foreach_add_(m, g)
    torch._foreach_add_(w, g, alpha=-rate)
    torch._foreach_add_(w, m, alpha=-rate * BETA1)


def orthogonal(x: Tensor) -> Tensor:
    """[..., rows, columns] -> nearly U V^T of each matrix's singular value decomposition.

    Newton-Schulz with the published quintic, on the small square side only (semantic/nn/muon.c).
    """
    if x.shape[-2] > x.shape[-1]:
        return orthogonal(x.transpose(-1, -2)).transpose(-1, -2)
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(1e-30)
    gram = x @ x.transpose(-1, -2)
    one = torch.eye(x.shape[-2], device=x.device).expand_as(gram)
    total = one
    for _ in range(MUON_ITERATIONS):
        polynomial = MUON_A * one + MUON_B * gram + MUON_C * (gram @ gram)
        total = polynomial @ total
        gram = polynomial @ gram @ polynomial
    return total @ x


def _muon(o: "Optimizer", group: Group, rate: float) -> None:
    """A matrix is [O, I k k]; those of one shape are done at once.  The norm is not clipped, for
    the direction does not depend on it."""
    m = o.moments("m.", group)
    torch._foreach_mul_(m, MUON_MOMENTUM)
    torch._foreach_add_(m, group.raw, alpha=1.0 - MUON_MOMENTUM)
    look = torch._foreach_mul(m, MUON_MOMENTUM)
    torch._foreach_add_(look, group.raw, alpha=1.0 - MUON_MOMENTUM)
    alike: dict[torch.Size, list[int]] = {}
    for at, weight in enumerate(group.weights):
        alike.setdefault(weight.shape, []).append(at)
    for shape, places in alike.items():
        moves = orthogonal(torch.stack([look[at].flatten(1) for at in places]))
        step = -rate * MUON_SCALE * math.sqrt(max(moves.shape[1:]))
        for at, move in zip(places, moves):
            group.weights[at].add_(move.reshape(shape), alpha=step)


MOMENTS = {_adamw: ("m.", "v."), _sgd: ("m.",), _muon: ("m.",)}
# The update of convolutions (tensors of rank 4), and of all others.
METHODS = {"adamw": (_adamw, _adamw), "sgd": (_sgd, _sgd), "muon": (_muon, _adamw)}


class Optimizer:
    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        of_conv, of_rest = METHODS[recipe["train.optimizer"]]
        self.beta2, self.decay = recipe["train.beta2"], recipe["train.decay"]
        self.clip, self.ema = recipe["train.clip"], recipe["train.ema"]
        self.steps = self.skipped = 0
        self.trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
        frozen = {n for n, p in module.named_parameters() if not p.requires_grad}
        self.averaged = {n: t for n, t in twin.tensors_of(module).items() if n not in frozen}
        self.updates: dict[Callable, list[str]] = {}
        for n, p in self.trained.items():
            self.updates.setdefault(of_conv if p.ndim == 4 else of_rest, []).append(n)
        self.state = {kind + n: torch.zeros_like(self.trained[n])
                      for update, names in self.updates.items() for n in names
                      for kind in MOMENTS[update]}
        if self.ema > 0.0:
            self.state.update({f"ema.{n}": t.detach().clone() for n, t in self.averaged.items()})

    def moments(self, kind: str, group: Group) -> list[Tensor]:
        """"m.": those of every tensor of a group, in order."""
        return [self.state[kind + name] for name in group.names]

    def _group(self, names: list[str], factor: float) -> Group:
        weights = [self.trained[name] for name in names]
        raw = [weight.grad for weight in weights]
        return Group(names, weights, raw, torch._foreach_mul(raw, factor) if factor < 1.0 else raw)

    @torch.no_grad()
    def step(self, rate: float) -> float:
        """One step; the gradient's norm before clipping.  A norm that is not finite: no step."""
        weights = list(self.trained.values())
        norm = torch.stack(torch._foreach_norm([w.grad for w in weights])).norm().item()
        if not math.isfinite(norm):
            self.skipped += 1
            return norm
        factor = self.clip / norm if 0.0 < self.clip < norm else 1.0
        if self.decay > 0.0:
            torch._foreach_mul_([w for w in weights if w.ndim > 1], 1.0 - rate * self.decay)
        for update, names in self.updates.items():
            update(self, self._group(names, factor), rate)
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
    """Linear warm-up, then half a cosine, a line, or a plateau and a line down to floor_lr."""
    peak, floor = recipe["train.peak_lr"], recipe["train.floor_lr"]
    warmup = int(recipe["train.warmup"] * steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    if recipe["train.schedule"] == "trapezoid":
        decline = recipe["train.decline"] * steps
        return floor + (peak - floor) * (min(1.0, (steps - step) / decline) if decline else 1.0)
    if step >= steps:
        return floor
    part = (step - warmup) / (steps - warmup)
    if recipe["train.schedule"] == "cosine":
        return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * part))
    return floor + (peak - floor) * (1.0 - part)
