# SPDX-License-Identifier: GPL-3.0-or-later
"""train: trains a codec or a judge with PyTorch, by the recipe that semradio-train follows.

    python3 -m semantic.torch.train codec --config semantic/recipes/image32.conf \\
        --data.train=cifar10:FILE,... --device cuda --train.out=image32.safetensors

from the repository's root.  Every option of semradio-train's sections data, train, codec, and
judge has the same name here; --device (cpu, cuda; a GPU by itself where there is one) is ours.
Ctrl-C stops after a checkpoint; the same command with --resume goes on.
Exit code: 0 done, 1 error, 3 stopped before the end.
"""

from __future__ import annotations

import sys

import torch

from .codec_trainer import CodecTask
from .judge_trainer import JudgeTask
from .recipe import OPTIONS, Recipe
from .train_run import Run

TASKS = {"codec": CodecTask, "judge": JudgeTask}


def parse(words: list[str]) -> tuple[str, Recipe, str]:
    """-> "codec" or "judge", the recipe, the device's name.  Files first, then the other words."""
    kind, device, files, sets = "", "", [], []
    words = list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            if kind or word not in TASKS:
                raise ValueError(f'"{word}": say one of codec, judge')
            kind = word
            continue
        key, equals, value = word[2:].partition("=")
        if key in ("resume", "train.resume") and not equals:
            value = "true"
        elif not equals:
            if not words:
                raise ValueError(f"{word} needs a value")
            value = words.pop(0)
        if key == "config":
            files.append(value)
        elif key == "device":
            device = value
        else:
            sets.append((key, value))
    if not kind:
        raise ValueError("say one of codec, judge (or --help)")
    recipe = Recipe()
    for path in files:
        recipe.load(path)
    for key, value in sets:
        recipe.set(key, value)
    return kind, recipe, device or ("cuda" if torch.cuda.is_available() else "cpu")


def main(words: list[str]) -> int:
    if "--help" in words:
        print(__doc__)
        print("\n".join(f"  --{key}={option.fallback}" for key, option in OPTIONS.items()))
        return 0
    try:
        kind, recipe, device = parse(words)
        torch.set_num_threads(recipe["train.workers"])
        return Run(recipe, TASKS[kind](recipe, torch.device(device))).run()
    except (ValueError, OSError, RuntimeError) as error:
        print(f"semantic.torch.train: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
