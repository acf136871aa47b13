# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch's side of `semradio-bench nn` (bench_nn_peer.h tells the lines on the pipe).

Each piece of work is tried in the default and the channels-last layout, where a layer can be
written in two ways in both, and bfloat16 in the convolutions alone or wherever PyTorch's autocast
puts it; the fastest is kept.  PyTorch is not asked to do more than the engine:
inference without autograd, training with its own AdamW on a batch that lies ready.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from typing import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semantic.torch import deepjscc, image32, safetensors_file, symbols, twin

RATE, CHANNELS, N0, SNR_DB = 2, 8, 0.1, 10.0
TRIES = 5


class Shuffled(nn.Module):
    """A transposed 5x5 convolution of stride 2 as conv 3x3 and pixel shuffle, as in the engine."""

    def __init__(self, weight: Tensor, bias: Tensor, activate: nn.Module) -> None:
        super().__init__()
        self.conv = twin.conv(weight.shape[1], weight.shape[0], 3)
        self.conv.weight.data.copy_(weight)
        self.conv.bias.data.copy_(bias)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(F.pixel_shuffle(self.conv(x), 2))


def joined(weight: Tensor) -> Tensor:
    """[4 out, in, 3, 3] of such a convolution -> [in, out, 5, 5] of the transposed one."""
    out = torch.zeros(weight.shape[1], weight.shape[0] // 4, 6, 6)
    for ry, rx, ty, tx in itertools.product(range(2), range(2), range(3), range(3)):
        taps = weight[2 * ry + rx :: 4, :, ty, tx]
        out[:, :, 2 * (2 - ty) + ry, 2 * (2 - tx) + rx] = taps.t()
    return out[:, :, :5, :5]


def small(weights: str, shuffled: bool) -> deepjscc.DeepJscc:
    """The small codec with the engine's weights."""
    given = {name: torch.from_numpy(value)
             for name, value in safetensors_file.read(weights)[0].items()}
    codec = deepjscc.DeepJscc(2 * CHANNELS)
    with torch.no_grad():
        for i, layer in enumerate(codec.encoder.values(), 1):
            layer.conv.weight.copy_(given[f"encoder.{i}.weight"])
            layer.conv.bias.copy_(given[f"encoder.{i}.bias"])
        for i, (name, layer) in enumerate(list(codec.decoder.items()), 1):
            weight, bias = given[f"decoder.{i}.weight"], given[f"decoder.{i}.bias"]
            if i < 4:
                layer.transconv.weight.copy_(weight.flip(2, 3).transpose(0, 1))
                layer.transconv.bias.copy_(bias)
            elif shuffled:
                codec.decoder[name] = Shuffled(weight, bias, layer.activate)
            else:
                layer.transconv.weight.copy_(joined(weight))
                layer.transconv.bias.copy_(bias[::4])
            if shuffled and i < 4:  # stride 1: turned around it is an ordinary convolution
                plain = nn.Conv2d(weight.shape[1], weight.shape[0], 5, padding=2)
                plain.weight.copy_(weight)
                plain.bias.copy_(bias)
                codec.decoder[name] = nn.Sequential(plain, layer.activate)
    return codec


class Work:
    """One job in one variant: `run` does it once, `output` is what the last run gave."""

    def __init__(self, network: str, task: str, weights: str, data: dict[str, np.ndarray],
                 layout: torch.memory_format, way: str) -> None:
        self.rgb = torch.from_numpy(data["pictures"]).to(torch.uint8)
        if layout == torch.contiguous_format:  # planes, as that layout has them
            self.rgb = self.rgb.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
        self.received = torch.view_as_complex(torch.from_numpy(data["received"]))
        self.layout, self.task, self.autocast = layout, task, "autocast" in way
        self.output = torch.zeros(1)
        codec = (image32.Image32.load(weights)[0] if network == "image32"
                 else small(weights, "shuffled" in way))
        self.codec = codec.to(memory_format=layout)
        twin.use_bf16(self.codec, "convolutions" in way)
        self.run: Callable[[], None] = getattr(self, f"{task}_{network}")
        if task == "train":
            self._prepare_training(network)

    # ---- inference: bytes to symbols, symbols to bytes -----------------------------

    def encode_image32(self) -> None:
        self.output = image32.encode(self.codec, self.rgb, RATE, SNR_DB)

    def decode_image32(self) -> None:
        variance = torch.full(self.received.shape, N0)
        self.output = image32.decode(self.codec, self.received, variance, *self.rgb.shape[1:3],
                                     SNR_DB)

    def encode_small(self) -> None:
        self.output = self.codec.encode(self.rgb)

    def decode_small(self) -> None:
        self.output = self.codec.decode(self.received, *self.rgb.shape[1:3])

    # ---- training: the batch lies ready --------------------------------------------

    def _prepare_training(self, network: str) -> None:
        self.codec.train()
        if network == "image32":
            self.codec.encoder.scale.running_power.zero_()  # its first batch is the whole of it
        self.optimizer = torch.optim.AdamW(self.codec.parameters(), lr=1e-4, weight_decay=0.0)
        self.power = symbols.PowerNorm(CHANNELS)
        self.steps = 0
        picture = self.rgb.permute(0, 3, 1, 2).float() / 255.0
        self.picture = picture.contiguous(memory_format=self.layout)
        count, _, rows, columns = picture.shape
        rows, columns = rows // 4, columns // 4
        noise = torch.view_as_real(self.received * N0 ** 0.5)
        if network == "image32":
            noise = noise.reshape(count, CHANNELS, rows, columns, 2).permute(0, 1, 4, 2, 3)
            self.noise = F.pad(noise.flatten(1, 2), (0, 0, 0, 0, 0, 2 * CHANNELS))
            self.h = torch.zeros_like(self.noise)
            self.h[:, ::2] = 1.0
            self.n0 = torch.full((count,), N0)
            self.mode = image32.mode_features(RATE, torch.full((count,), SNR_DB))
        else:
            noise = noise.reshape(count, rows, columns, 2 * CHANNELS).permute(0, 3, 1, 2)
            self.noise = noise.contiguous(memory_format=self.layout)

    def _step(self, received: Tensor) -> None:
        loss = 500.0 * F.mse_loss(received, self.picture)
        loss.backward()
        self.optimizer.step()
        if self.steps == 0:
            self.output = loss.detach().reshape(1)
        self.steps += 1

    def train_image32(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        sent = self.codec.encoder(self.picture, RATE, self.mode).symbols
        soft = symbols.channel(sent, self.h, self.noise, self.n0, CHANNELS)
        self._step(self.codec.decoder(soft, self.mode))

    def train_small(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        sent = self.power(self.codec.latent(self.picture), CHANNELS)
        self._step(self.codec.picture(sent + self.noise))


def timed(work: Work, times: int, threads: int) -> float:
    """Seconds: of the processor with one thread, true ones with several."""
    clock = time.process_time if threads == 1 else time.perf_counter
    cast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=work.autocast)
    with torch.inference_mode(work.task != "train"), cast:
        start = clock()
        for _ in range(times):
            work.run()
        return clock() - start


def make(network: str, task: str, kind: str, threads: int, weights: str,
         data_path: str) -> tuple[Work, str]:
    """-> the fastest variant, warm, and its name."""
    torch.set_num_threads(threads)
    data, _ = safetensors_file.read(data_path)
    layouts = {"default": torch.contiguous_format, "channels_last": torch.channels_last}
    ways = (("transposed", "shuffled") if network == "small"
            else ("convolutions", "autocast") if kind == "bf16" else ("",))
    found = []
    for (layout, memory_format), way in itertools.product(layouts.items(), ways):
        work = Work(network, task, weights, data, memory_format, way)
        timed(work, 2, threads)
        found.append((min(timed(work, 1, threads) for _ in range(TRIES)), f"{layout} {way}".rstrip(), work))
    _, name, work = min(found, key=lambda entry: entry[0])
    return work, f"{kind} {name}"


def answer(words: list[str], state: dict) -> str:
    if words[0] == "version":
        return torch.__version__
    if words[0] == "make":
        network, task, kind, threads, weights, data = words[1:]
        state.clear()
        state["threads"] = int(threads)
        state["work"], name = make(network, task, kind, int(threads), weights, data)
        return name
    if words[0] == "run":
        return f"{timed(state['work'], int(words[1]), state['threads']):.9f}"
    output = state["work"].output
    output = torch.view_as_real(output) if output.is_complex() else output
    safetensors_file.write(words[1], {"output": output.float().flatten().numpy()}, {})
    return ""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the pipe's end is enough
    state: dict = {}
    for line in sys.stdin:
        try:
            print("ok", answer(line.rstrip("\n").split("\t"), state), flush=True)
        except Exception as error:  # whatever it was: the other side shall hear of it
            print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)


try:
    main()
except BrokenPipeError:  # the other side ended; nobody is left to tell
    os._exit(0)
