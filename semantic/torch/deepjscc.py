# SPDX-License-Identifier: GPL-3.0-or-later
"""deepjscc: the twin of semantic/codec/deepjscc.h: five convolutions each way, no quantiser.

The network of E. Bourtsoulatze, D. Burth Kurka, D. Gunduz, "Deep joint source-channel coding for
wireless image transmission", IEEE TCCN 5(3), 2019, with the tensor names of the public code
chunbaobao/Deep-JSCC-PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import safetensors_file, twin

ENCODER = (3, 16, 32, 32, 32)  # inputs; the last layer's outputs are the 2c channels
DECODER = (32, 32, 32, 16, 3)  # outputs


class Down(nn.Module):
    """[N, inputs, H, W] -> [N, outputs, H/stride, W/stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = twin.conv(inputs, outputs, 5, stride=stride)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.conv(x))


class Up(nn.Module):
    """[N, inputs, H, W] -> [N, outputs, stride H, stride W]."""

    def __init__(self, inputs: int, outputs: int, stride: int, activate: nn.Module) -> None:
        super().__init__()
        self.transconv = nn.ConvTranspose2d(inputs, outputs, 5, stride=stride, padding=2,
                                            output_padding=stride - 1)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(self.transconv(x))


class DeepJscc(nn.Module):
    """`channels`: 2c reals a place.  Halves by `encode` and `decode`, on 4 x 4 pixels a place."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.channels = channels
        outputs = ENCODER[1:] + (channels,)
        inputs = (channels,) + DECODER[:-1]
        self.encoder = nn.ModuleDict({
            f"conv{i + 1}": Down(ENCODER[i], outputs[i], 2 if i < 2 else 1) for i in range(5)})
        self.decoder = nn.ModuleDict({
            f"tconv{i + 1}": Up(inputs[i], DECODER[i], 1 if i < 3 else 2,
                                nn.PReLU() if i < 4 else nn.Sigmoid()) for i in range(5)})

    def latent(self, picture: Tensor) -> Tensor:
        """[N, 3, 4h, 4w], 0 .. 1 -> [N, 2c, h, w], before power normalisation."""
        for layer in self.encoder.values():
            picture = layer(picture)
        return picture

    def picture(self, received: Tensor) -> Tensor:
        """[N, 2c, h, w], unit power a real -> [N, 3, 4h, 4w], 0 .. 1."""
        for layer in self.decoder.values():
            received = layer(received)
        return received

    def encode(self, rgb: Tensor) -> Tensor:
        """uint8 [N, H, W, 3] -> complex [N, K], place by place, E|s|^2 = 1 over each picture."""
        z = self.latent(rgb.permute(0, 3, 1, 2).float() * (1.0 / 255.0))
        z = torch.view_as_complex(z.permute(0, 2, 3, 1).reshape(z.shape[0], -1, 2).contiguous())
        return z / z.abs().square().mean(1, keepdim=True).sqrt()

    def decode(self, received: Tensor, height: int, width: int) -> Tensor:
        """complex [N, K], y = s + n -> uint8 [N, height, width, 3]."""
        z = torch.view_as_real(received * 2.0 ** 0.5)
        z = z.reshape(-1, height // 4, width // 4, self.channels).permute(0, 3, 1, 2)
        return (self.picture(z) * 255.0 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    @classmethod
    def load(cls, path: str) -> "DeepJscc":
        """The network in a file, in `eval` mode; how many channels is told by its shapes."""
        tensors, _ = safetensors_file.read(path)
        bias = tensors.get("encoder.conv5.conv.bias")
        if bias is None or bias.ndim != 1 or bias.size % 2 or not 2 <= bias.size <= 256:
            raise safetensors_file.FormatError(
                f"{path}: encoder.conv5.conv.bias does not say how many channels")
        codec = cls(bias.size)
        twin.assign(codec, tensors, path)
        return codec.eval()
