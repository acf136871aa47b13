# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of test_torch_train.c: python3 torch_train.py FOLDER RECIPE JUDGE_RECIPE

Trains with PyTorch in FOLDER: a codec without a break (`whole`), the same stopped and resumed
(`stopped`), the codec of the engine's checkpoint `engine.checkpoint` to its end (`from_engine`),
a codec on cuts (`cuts`), and a judge (`judge`).
"""

from __future__ import annotations

import os
import sys

import torch

from semantic.torch import image32, recipe, train, twin
from semantic.torch.train_run import Run

FOLDER, CODEC, JUDGE = sys.argv[1:]


def make(kind: str, name: str, *words: str, checkpoint: str = "") -> Run:
    files = [f"--train.out={FOLDER}/{name}.safetensors", f"--train.log={FOLDER}/{name}.log",
             f"--train.checkpoint={FOLDER}/{checkpoint or name}.checkpoint"]
    config = CODEC if kind == "codec" else JUDGE
    _, options, _ = train.parse([kind, "--config", config, *files, *words])
    return Run(options, train.TASKS[kind](options, torch.device("cpu")))


def stop_after(run: Run, steps: int) -> None:
    take = run.take_step

    def take_and_ask() -> None:
        take()
        run.stop_asked = run.step == steps

    run.take_step = take_and_ask  # type: ignore[method-assign]


def expect_error(named: str, call, *arguments) -> None:
    try:
        call(*arguments)
    except ValueError as error:
        if named in str(error):
            return
        sys.exit(f"torch_train: the error does not name {named}: {error}")
    sys.exit(f"torch_train: no error that names {named}")


def bad_recipes() -> None:
    path = os.path.join(FOLDER, "bad.conf")
    for text, named in (("[train]\nsped = 3\n", "bad.conf:2"), ("[train]\nbatch = 0\n", "batch"),
                        ("[train]\nbatch\n", "bad.conf:2"), ("[data]\nflip = maybe\n", "flip"),
                        ("[train]\noptimizer = newton\n", "adamw")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        expect_error(named, recipe.Recipe().load, path)
    expect_error("cifar11", make, "codec", "bad", "--data.train=cifar11:x")
    expect_error("another recipe", lambda: make("codec", "bad", "--resume", "--seed=9",
                                                checkpoint="whole").run())


def warm_cuts() -> None:
    """bfloat16 on cuts, from the weights of `whole`: at once where those are."""
    whole, _ = image32.Image32.load(f"{FOLDER}/whole.safetensors")
    run = make("codec", "cuts", f"--train.init={FOLDER}/whole.safetensors", "--codec.crop=8",
               "--train.bf16=true", "--train.ema=0", "--train.peak_lr=1e-6")
    assert run.run() == 0
    ours, _ = image32.Image32.load(f"{FOLDER}/cuts.safetensors")
    for name, parameter in whole.named_parameters():
        moved = (parameter - ours.get_parameter(name)).abs().max().item()
        assert 0.0 < moved < 1e-3, f"{name} moved by {moved}"
    assert run.task.batches.fill(3)[0].shape == (16, 3, 8, 8)
    expect_error("multiple of 4", make, "codec", "cuts", "--codec.crop=10")
    expect_error("smaller than a crop", make, "codec", "cuts", "--codec.crop=64")
    layer = twin.conv(8, 4, 3)
    x, exact = torch.randn(2, 8, 6, 6), {}
    for rounded in (False, True):
        twin.use_bf16(layer, rounded)
        layer.zero_grad()
        out = layer(x)
        out.square().sum().backward()
        exact[rounded] = out.detach(), layer.weight.grad.clone()
        assert out.dtype == layer.weight.grad.dtype == torch.float32
    for plain, rough in zip(exact[False], exact[True]):
        apart = ((plain - rough).norm() / plain.norm()).item()
        assert 1e-4 < apart < 2e-2, f"bfloat16 is {apart} off"


def main() -> None:
    torch.set_num_threads(1)
    assert make("codec", "whole").run() == 0
    run = make("codec", "stopped")
    stop_after(run, 7)
    assert run.run() == 3
    assert make("codec", "stopped", "--resume").run() == 0
    assert make("codec", "from_engine", "--resume", checkpoint="engine").run() == 0
    assert make("judge", "judge").run() == 0
    warm_cuts()
    bad_recipes()


main()
