# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of test_torch_train.c: python3 torch_train.py FOLDER RECIPE JUDGE_RECIPE

Trains with PyTorch in FOLDER: a codec without a break (`whole`), the same stopped and resumed
(`stopped`), the codec of the engine's checkpoint `engine.checkpoint` to its end (`from_engine`),
and a judge (`judge`).
"""

from __future__ import annotations

import os
import sys

import torch

from semantic.torch import recipe, train
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


def main() -> None:
    torch.set_num_threads(1)
    assert make("codec", "whole").run() == 0
    run = make("codec", "stopped")
    stop_after(run, 7)
    assert run.run() == 3
    assert make("codec", "stopped", "--resume").run() == 0
    assert make("codec", "from_engine", "--resume", checkpoint="engine").run() == 0
    assert make("judge", "judge").run() == 0
    bad_recipes()


main()
