# SPDX-License-Identifier: GPL-3.0-or-later
"""train_run: the loop that every training shares (semantic/train/train_run.h): schedule, steps,
log, checkpoints, resuming, and the exported file.

Everything random in step s comes from the seed and s, so a run that was stopped and resumed sees
what it would have seen.  Checkpoints are the engine's: a run may move between the two.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from . import safetensors_file, twin
from .batches import Batches
from .crops import Crops
from .optimizer import Optimizer, learning_rate
from .recipe import Recipe

PROGRAM = f"semantic.torch.train, PyTorch {torch.__version__}"


class Task(ABC):
    """What is trained: network, loss, and figures."""

    kind: str  # "codec" or "judge": a section of the options
    module: nn.Module  # on the device, in `train` mode between calls
    batches: Batches | Crops

    @abstractmethod
    def loss(self, step: int) -> Tensor:
        """The batch's mean loss at a step, with its graph."""

    @abstractmethod
    def describe(self) -> str:
        """More figures of the last step, for the log."""

    @abstractmethod
    def validate(self, final: bool) -> str:
        """Figures on the test set, with the weights as they are; "" without a test set."""

    @abstractmethod
    def notes(self) -> dict[str, str]:
        """The network's shape for the metadata."""


class Run:
    def __init__(self, recipe: Recipe, task: Task) -> None:
        self.recipe, self.task = recipe, task
        self.optimizer = Optimizer(task.module, recipe)
        self.steps = max(1, round(recipe["train.epochs"] * task.batches.per_epoch))
        self.text = recipe.text(task.kind)
        self.step = self.seconds_before = self.steps_here = 0
        self.loss = self.norm = 0.0
        self.stop_asked = False
        self.started = self.saved = time.monotonic()
        mode = "a" if recipe["train.resume"] else "w"
        self.log = open(recipe["train.log"], mode, encoding="utf-8", buffering=1)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)
        self.log.write(text + "\n")

    def elapsed_s(self) -> float:
        return self.seconds_before + time.monotonic() - self.started

    # ---- checkpoints and weights ---------------------------------------------------

    def save_checkpoint(self) -> None:
        tensors = dict(twin.tensors_of(self.task.module))
        tensors.update({f"optimizer.{name}": t for name, t in self.optimizer.state.items()})
        numbers = (1, self.optimizer.steps, self.optimizer.skipped, 0, 2, self.step,
                   int(self.elapsed_s()))
        notes = {"checkpoint": " ".join(map(str, numbers)), "recipe": self.text}
        safetensors_file.write(self.recipe["train.checkpoint"],
                               {n: twin.to_numpy(t) for n, t in tensors.items()}, notes)
        self.saved = time.monotonic()

    def load_checkpoint(self) -> None:
        path = self.recipe["train.checkpoint"]
        if not self.recipe["train.resume"] or not os.path.exists(path):
            return
        tensors, notes = safetensors_file.read(path)
        numbers = notes.get("checkpoint", "").split()
        if len(numbers) != 7 or numbers[0] != "1" or numbers[3:5] != ["0", "2"]:
            raise safetensors_file.FormatError(f"{path}: not a checkpoint of a training")
        if notes.get("recipe") != self.text:
            raise safetensors_file.FormatError(f"{path}: from another recipe")
        state = {n: tensors.pop(f"optimizer.{n}", None) for n in self.optimizer.state}
        for name, t in self.optimizer.state.items():
            if state[name] is None or state[name].shape != tuple(t.shape):
                raise safetensors_file.FormatError(f"{path}: tensor optimizer.{name} is missing")
        twin.assign(self.task.module, tensors, path)
        for name, t in self.optimizer.state.items():
            t.copy_(torch.from_numpy(state[name]))
        self.optimizer.steps, self.optimizer.skipped = int(numbers[1]), int(numbers[2])
        self.step, self.seconds_before = int(numbers[5]), int(numbers[6])
        self.say(f"resumed {path} at step {self.step}")

    def export(self, path: str, figures: str) -> None:
        """Writes the averaged weights with all their notes."""
        notes = {**self.task.notes(), "recipe": self.text, "revision": _revision(),
                 "steps": str(self.step), "minutes": f"{self.elapsed_s() / 60.0:.1f}",
                 "figures": figures, "program": PROGRAM}
        self.optimizer.swap_average()
        twin.save(self.task.module, path, notes)
        self.optimizer.swap_average()

    def validate(self, final: bool) -> str:
        self.optimizer.swap_average()
        self.task.module.eval()
        figures = self.task.validate(final)
        self.task.module.train()
        self.optimizer.swap_average()
        if figures:
            self.say(f"{'final' if final else 'check'} step {self.step}: {figures}")
        return figures

    # ---- the loop --------------------------------------------------------------------

    def take_step(self) -> None:
        self.task.module.zero_grad(set_to_none=True)
        loss = self.task.loss(self.step)
        loss.backward()
        norm = self.optimizer.step(learning_rate(self.recipe, self.step, self.steps))
        value = loss.item()
        share = 1.0 if self.steps_here == 0 else 0.01
        if math.isfinite(value) and math.isfinite(norm):
            self.loss += share * (value - self.loss)
            self.norm += share * (norm - self.norm)
        self.step += 1
        self.steps_here += 1

    def show_progress(self) -> None:
        if self.step % 250 != 0 and self.steps_here != 50:
            return
        rate = self.steps_here / (time.monotonic() - self.started)
        self.say(f"step {self.step}/{self.steps} "
                 f"epoch {self.step / self.task.batches.per_epoch:.2f} "
                 f"loss {self.loss:.4f} norm {self.norm:.2f} "
                 f"lr {learning_rate(self.recipe, self.step, self.steps):.2e} "
                 f"skipped {self.optimizer.skipped} "
                 f"{rate * self.recipe['train.batch']:.0f} images/s "
                 f"{self.elapsed_s() / 60.0:.1f} min, {(self.steps - self.step) / rate / 60.0:.1f} "
                 f"to go {self.task.describe()}")

    def run(self) -> int:
        """Trains to the end and writes train.out.  0; 3: stopped by a signal, resumable."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        weights = sum(p.numel() for p in self.optimizer.trained.values())
        self.say(f"{PROGRAM} {self.task.kind}, {self.steps} steps, {weights} weights\n{self.text}")
        if self.recipe["train.init"]:
            twin.warm_start(self.task.module, self.recipe["train.init"])
        self.load_checkpoint()
        self.task.module.train()
        self.started = self.saved = time.monotonic()
        while self.step < self.steps:
            self.take_step()
            self.show_progress()
            if self.stop_asked:
                self.save_checkpoint()
                self.say(f"stopped by a signal at step {self.step}; --resume goes on")
                return 3
            if time.monotonic() - self.saved >= 60.0 * self.recipe["train.checkpoint_minutes"]:
                self.save_checkpoint()
                self.validate(final=False)
        self.save_checkpoint()
        self.export(self.recipe["train.out"], self.validate(final=True))
        self.say(f"wrote {self.recipe['train.out']} after {self.elapsed_s() / 60.0:.1f} minutes")
        return 0

    def _on_signal(self, number: int, frame: object) -> None:
        self.stop_asked = True


def _revision() -> str:
    """The source's git revision, "-dirty" added when it is changed."""
    try:
        line = subprocess.run(["git", "-C", os.path.dirname(__file__), "describe", "--always",
                               "--dirty"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return line.strip() or "unknown"
