# SPDX-License-Identifier: GPL-3.0-or-later
"""recipe: the options of a training, as semradio-train takes them.

The table repeats semantic/train/train_options.c: same names, defaults, and ranges.  An option
that exists there and not here is an error when a recipe names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    kind: str  # "text", "int", "real", "bool", or the choices: "adamw|sgd"
    fallback: str
    low: float = -math.inf
    high: float = math.inf


OPTIONS = {
    "data.train": Option("text", ""),
    "data.mix": Option("text", ""),
    "data.mix_share": Option("real", "0", 0, 1),
    "data.test": Option("text", ""),
    "data.flip": Option("bool", "true"),
    "data.crop_pad": Option("int", "0", 0, 8),
    "train.seed": Option("int", "1", 0, 1e15),
    "train.epochs": Option("real", "10", 0.001, 100000),
    "train.batch": Option("int", "64", 1, 4096),
    "train.optimizer": Option("adamw|sgd|muon", "adamw"),
    "train.schedule": Option("cosine|triangle|trapezoid", "cosine"),
    "train.peak_lr": Option("real", "0.001", 1e-7, 10),
    "train.floor_lr": Option("real", "0", 0, 10),
    "train.warmup": Option("real", "0.03", 0, 1),
    "train.decline": Option("real", "0.3", 0, 1),
    "train.bf16": Option("bool", "false"),
    "train.init": Option("text", ""),
    "train.beta2": Option("real", "0.99", 0, 0.99999),
    "train.decay": Option("real", "0", 0, 1),
    "train.clip": Option("real", "1", 0, 1e6),
    "train.ema": Option("real", "0", 0, 0.99999),
    "train.workers": Option("int", "2", 1, 64),
    "train.out": Option("text", "out.safetensors"),
    "train.log": Option("text", "train.log"),
    "train.checkpoint": Option("text", "train.checkpoint"),
    "train.checkpoint_minutes": Option("real", "5", 0.01, 1440),
    "train.resume": Option("bool", "false"),
    "codec.width": Option("int", "64", 8, 512),
    "codec.encoder_blocks": Option("int", "4", 0, 32),
    "codec.decoder_blocks": Option("int", "6", 0, 32),
    "codec.bound": Option("real", "1.15", 0.1, 100),
    "codec.crop": Option("int", "0", 0, 256),
    "codec.commitment": Option("real", "0", 0, 1000),
    "codec.snr_min_db": Option("real", "-1", -30, 60),
    "codec.snr_max_db": Option("real", "26", -30, 60),
    "codec.fading_share": Option("real", "0.5", 0, 1),
    "judge.widths": Option("text", "24,48,128,192"),
    "judge.smoothing": Option("real", "0.1", 0, 0.9),
}

# They change nothing in the result, and stay out of the recipe that the weights carry.
SILENT = {"out", "log", "checkpoint", "checkpoint_minutes", "resume", "test"}

YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


class Recipe:
    """recipe["train.batch"] -> 64; recipe.text("codec") -> what the weights' metadata says."""

    def __init__(self) -> None:
        self._words = {key: option.fallback for key, option in OPTIONS.items()}

    def __getitem__(self, key: str) -> str | int | float | bool:
        return _value(key, self._words[key])

    def set(self, key: str, word: str) -> None:
        """`key`: "train.seed", or "seed" where only one section has it.  ValueError."""
        full = [k for k in OPTIONS if k == key or k.split(".")[1] == key]
        if len(full) != 1:
            raise ValueError(f"there is no option {key}" if not full
                             else f"{key} may be {' or '.join(full)}")
        _value(full[0], word)
        self._words[full[0]] = word

    def load(self, path: str) -> None:
        """Reads an INI file: [section], name = value, comments after ; or #."""
        section = ""
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = _without_comment(line).strip()
                if line.startswith("[") and line.endswith("]"):
                    section = line[1:-1].strip()
                elif line:
                    try:
                        name, equals, word = (part.strip() for part in line.partition("="))
                        if not equals or not name or not section:
                            raise ValueError('not "[section]" or "name = value"')
                        self.set(f"{section}.{name}", word.strip('"'))
                    except ValueError as error:
                        raise ValueError(f"{path}:{number}: {error}") from None

    def text(self, kind: str) -> str:
        """The recipe as the weights and checkpoints carry it: [data], [train], and [kind]."""
        lines, last = [], ""
        for key, word in self._words.items():
            section, name = key.split(".")
            if section not in ("data", "train", kind) or name in SILENT:
                continue
            if section != last:
                lines.append(f"[{section}]")
                last = section
            lines.append(f"{name} = {word}")
        return "\n".join(lines) + "\n"


def _without_comment(line: str) -> str:
    """Cuts at a ; or # that begins a word outside of quotes."""
    quoted = False
    for at, letter in enumerate(line):
        quoted ^= letter == '"'
        if letter in ";#" and not quoted and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line


def _real(word: str) -> float:
    """A number; k, M, and G multiply."""
    factor = {"k": 1e3, "M": 1e6, "G": 1e9}.get(word[-1:], 1.0)
    return float(word if factor == 1.0 else word[:-1]) * factor


def _value(key: str, word: str) -> str | int | float | bool:
    option = OPTIONS[key]
    if option.kind == "text":
        return word
    if option.kind == "bool":
        if word.lower() not in YES | NO:
            raise ValueError(f'{key}: "{word}" is neither true nor false')
        return word.lower() in YES
    if option.kind in ("int", "real"):
        try:
            value = int(word, 0) if option.kind == "int" else _real(word)
        except ValueError:
            value = math.nan
        if not option.low <= value <= option.high or math.isinf(value):
            raise ValueError(f'{key}: "{word}" is not of {option.low:g} .. {option.high:g}')
        return value
    if word not in option.kind.split("|"):
        raise ValueError(f'{key}: "{word}" is not one of {option.kind}')
    return word
