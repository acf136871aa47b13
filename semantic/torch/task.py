# SPDX-License-Identifier: GPL-3.0-or-later
"""task: the twin of semantic/codec/task_net.c: pictures to symbols, symbols to classes.

    python3 -m semantic.torch.task time WEIGHTS [TIMES]     milliseconds of one picture, one thread
    python3 -m semantic.torch.task check WEIGHTS CASE       the engine's numbers against these

from the repository's root.  For use, not for training.  CASE holds pictures [N][32][32][3] in
0 .. 1, snr_db [1], symbols and noise_var [N][K][2] and [N][K], and confidence [N] as the engine has
them.
"""

from __future__ import annotations

import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from . import safetensors_file

TOKENS, EMBED, HEADS, GRID = 16, 32, 8, 4
SNR_MIN_DB, SNR_MAX_DB, BOUND = -12.0, 25.0, 1.15
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.247, 0.243, 0.262]).view(1, 3, 1, 1)


class Task:
    """The codec of a weights file, batch norms folded into convolutions where they can be."""

    def __init__(self, path: str, channels_last: bool = False) -> None:
        tensors, self.notes = safetensors_file.read(path)
        if self.notes.get("codec") != "task":
            raise ValueError(f"{path}: not the weights of a task codec")
        self.t = {name: torch.from_numpy(v) for name, v in tensors.items()}
        self.depths = [int(d) for d in self.notes["depths"].split(",")]
        self.kept = int(self.notes["kept"])
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.last = self._gain("feature.norm")
        self.folded: dict[str, tuple[Tensor, Tensor]] = {}
        self.transition: list[tuple[Tensor, Tensor, Tensor]] = []
        for layer, depth in enumerate(self.depths):
            prefix = f"layer.{layer}"
            gain, bias = self._gain(f"{prefix}.norm")
            weight = self.t[f"{prefix}.conv.weight"].contiguous(memory_format=self.format)
            self.transition.append((weight, gain.view(1, -1, 1, 1), bias.view(1, -1, 1, 1)))
            for block in range(depth):
                for i in (1, 2, 3):
                    self._fold(f"{prefix}.{block}.conv{i}", f"{prefix}.{block}.norm{i}")

    def _gain(self, norm: str) -> tuple[Tensor, Tensor]:
        gain = self.t[f"{norm}.weight"] / torch.sqrt(self.t[f"{norm}.running_var"] + 1e-5)
        return gain, self.t[f"{norm}.bias"] - self.t[f"{norm}.running_mean"] * gain

    def _fold(self, conv: str, norm: str) -> None:
        gain, bias = self._gain(norm)
        weight = self.t[f"{conv}.weight"] * gain.view(-1, 1, 1, 1)
        self.folded[conv] = weight.contiguous(memory_format=self.format), bias

    def _conv(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.folded[name]
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.t[f"{name}.weight"], self.t[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (EMBED,), self.t[f"{name}.weight"], self.t[f"{name}.bias"])

    def feature(self, pictures: Tensor) -> Tensor:
        """[N, 3, 32, 32] in 0 .. 1 -> h [N, D]."""
        x = ((pictures - MEAN) / DEVIATION).contiguous(memory_format=self.format)
        x = F.silu(F.conv2d(x, self.t["stem.weight"], self.t["stem.bias"], padding=1))
        for layer, depth in enumerate(self.depths):
            weight, gain, bias = self.transition[layer]  # a negative gain: pool before the norm
            x = F.silu(F.max_pool2d(F.conv2d(x, weight, padding=1), 2) * gain + bias)
            y = x
            for block in range(depth):
                name = f"layer.{layer}.{block}"
                z = F.silu(self._conv(y, f"{name}.conv1"))
                z = F.silu(self._conv(z, f"{name}.conv2"))
                y = F.silu(y + self._conv(z, f"{name}.conv3"))
            x = x + y
        gain, bias = self.last
        return self._linear(x.amax(dim=(2, 3)) * gain + bias, "feature")

    def _cat_block(self, x: Tensor, name: str) -> Tensor:
        n = x.shape[0]
        qkv = self._linear(x, f"{name}.attention.qkv").view(n, TOKENS, 3, HEADS, EMBED // HEADS)
        q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))
        scores = torch.softmax(q @ k.transpose(2, 3) / (EMBED // HEADS) ** 0.5, dim=-1)
        mixed = (scores @ v).transpose(1, 2).reshape(n, TOKENS, EMBED)
        x = self._norm(x + self._linear(mixed, f"{name}.attention.out"), f"{name}.norm1")
        y = self._linear(F.silu(self._linear(x, f"{name}.feed.0")), f"{name}.feed.1")
        return self._linear(self._norm(x + y, f"{name}.norm2"), f"{name}.shrink")

    def _tokens(self, x: Tensor, name: str) -> Tensor:
        y = self._linear(x, f"{name}.tokens")
        return y.view(x.shape[0], -1, TOKENS).transpose(1, 2)

    def _fill(self, tokens: Tensor, channel: Tensor, name: str) -> Tensor:
        words = torch.sigmoid(self._linear(channel, f"{name}.channel"))
        return torch.cat([tokens, words[:, None].expand(-1, TOKENS, -1)], dim=2)

    def encode(self, pictures: Tensor, snr_db: float) -> Tensor:
        """-> symbols [N, 2K], re and im in turn."""
        h = self.feature(pictures)
        half = (SNR_MAX_DB - SNR_MIN_DB) / 2
        snr = min(max((snr_db - SNR_MIN_DB - half) / half, -1.0), 1.0)
        x = self._fill(self._tokens(h, "sender"), torch.full((h.shape[0], 1), snr), "sender.fill")
        x = self._cat_block(x, "sender.block").transpose(1, 2).reshape(h.shape[0], -1)
        x = F.layer_norm(x, (x.shape[1],)) * 0.5**0.5
        if self.notes["quantised"] == "1":
            level = (BOUND * torch.tanh(x / BOUND) * 42**0.5 + 7) / 2
            x = (2 * torch.floor(level + 0.5).clamp(0, 7) - 7) / 42**0.5
        return x / torch.sqrt(self.t["sender.scale.running_power"][-1])

    def decode(self, symbols: Tensor, noise_var: Tensor) -> Tensor:
        """Soft symbols [N, 2K] and their noise [N, K] -> logits [N, classes]."""
        noise = -torch.log10(noise_var.clamp(1e-4, 1.0))
        x = self._tokens(F.layer_norm(symbols, (symbols.shape[1],)), "receiver")
        x = self._cat_block(self._fill(x, noise, "receiver.fill"), "receiver.block.0")
        x = self._cat_block(self._fill(x, noise, "receiver.block.0.fill"), "receiver.block.1")
        h = self._linear(x.transpose(1, 2).reshape(x.shape[0], -1), "receiver.feature")
        return self._linear(h, "head")


def milliseconds(work, times: int) -> float:
    """The median of processor time."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(1e3 * (time.process_time() - start))
    return sorted(spent)[times // 2]


def measure(path: str, times: int) -> None:
    picture = torch.rand(1, 3, 32, 32)
    for channels_last in (False, True):
        task = Task(path, channels_last)
        symbols = task.encode(picture, 10.0)
        noise_var = torch.full((1, symbols.shape[1] // 2), 0.1)
        encode = milliseconds(lambda: task.encode(picture, 10.0), times)
        decode = milliseconds(lambda: task.decode(symbols, noise_var), times)
        layout = "channels last" if channels_last else "contiguous"
        print(f"PyTorch {torch.__version__}, {layout}: encode {encode:.3f} ms, "
              f"classify {decode:.3f} ms, one picture, one thread, median of {times}")


def check(path: str, case: str) -> bool:
    task, (given, _) = Task(path), safetensors_file.read(case)
    t = {name: torch.from_numpy(value) for name, value in given.items()}
    symbols = task.encode(t["pictures"].permute(0, 3, 1, 2), float(t["snr_db"][0]))
    theirs = t["symbols"].reshape(symbols.shape)
    moved = int(((symbols - theirs).abs() > 1e-3).sum())  # a number on a boundary may round away
    logits = task.decode(theirs, t["noise_var"])
    wrong = float((torch.softmax(logits, 1).amax(1) - t["confidence"]).abs().max())
    print(f"{moved} of {symbols.numel()} numbers sent differ, confidences by {wrong:.2g}")
    return moved <= symbols.numel() // 500 and wrong < 1e-3


def main(words: list[str]) -> int:
    torch.set_num_threads(1)
    with torch.no_grad():
        if len(words) in (2, 3) and words[0] == "time":
            measure(words[1], int(words[2]) if len(words) == 3 else 200)
            return 0
        if len(words) == 3 and words[0] == "check":
            return 0 if check(words[1], words[2]) else 1
    print(__doc__, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
