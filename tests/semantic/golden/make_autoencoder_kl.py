#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes autoencoder_kl.safetensors: a small AutoencoderKL with random weights, a picture, and
what PyTorch makes of it.  Debian's python3-torch (1.13) is enough:

    /usr/bin/python3 make_autoencoder_kl.py

Written from the description of the network (autoencoder_kl.h), with the tensor names of the
diffusers library.  Tensors reference.* are the picture (uint8, HWC), its latent, and the picture
decoded from that latent (float, HWC, 0 .. 1, not clamped).
"""
import json
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS, LAYERS, LATENT, GROUPS, SCALING, SHIFT = (8, 16), 1, 4, 4, 0.25, 0.125
HEIGHT, WIDTH = 40, 24


def norm(channels):
    return nn.GroupNorm(GROUPS, channels, eps=1e-6)


class Resnet(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1 = norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.conv_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.group_norm = norm(channels)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, h, w = x.shape
        y = self.group_norm(x).reshape(n, c, h * w).transpose(1, 2)
        q, k, v = self.to_q(y), self.to_k(y), self.to_v(y)
        y = torch.softmax(q @ k.transpose(1, 2) / c**0.5, dim=-1) @ v
        return x + self.to_out[0](y).transpose(1, 2).reshape(n, c, h, w)


class Middle(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(channels, channels), Resnet(channels, channels)])
        self.attentions = nn.ModuleList([Attention(channels)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Conv(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=stride, padding=0 if stride == 2 else 1)


class Level(nn.Module):
    def __init__(self, inputs, outputs, layers, resize):
        super().__init__()
        widths = [inputs] + [outputs] * layers
        self.resnets = nn.ModuleList([Resnet(a, b) for a, b in zip(widths, widths[1:])])
        if resize == "down":
            self.downsamplers = nn.ModuleList([Conv(outputs, 2)])
        if resize == "up":
            self.upsamplers = nn.ModuleList([Conv(outputs, 1)])

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        if hasattr(self, "downsamplers"):
            x = self.downsamplers[0].conv(F.pad(x, (0, 1, 0, 1)))
        if hasattr(self, "upsamplers"):
            x = self.upsamplers[0].conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return x


class Half(nn.Module):
    def __init__(self, kind):
        super().__init__()
        last = len(WIDTHS) - 1
        inputs, outputs = (3, 2 * LATENT) if kind == "down" else (LATENT, 3)
        widths = list(WIDTHS) if kind == "down" else list(WIDTHS[::-1])
        layers = LAYERS if kind == "down" else LAYERS + 1
        self.conv_in = nn.Conv2d(inputs, widths[0], 3, padding=1)
        levels = nn.ModuleList(
            Level(widths[max(i - 1, 0)], widths[i], layers, kind if i < last else None)
            for i in range(len(widths)))
        setattr(self, kind + "_blocks", levels)
        self.mid_block = Middle(WIDTHS[-1])
        self.conv_norm_out = norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        if hasattr(self, "up_blocks"):
            x = self.mid_block(x)
            for level in self.up_blocks:
                x = level(x)
        else:
            for level in self.down_blocks:
                x = level(x)
            x = self.mid_block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class AutoencoderKL(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Half("down")
        self.decoder = Half("up")
        self.quant_conv = nn.Conv2d(2 * LATENT, 2 * LATENT, 1)
        self.post_quant_conv = nn.Conv2d(LATENT, LATENT, 1)

    def encode(self, image):
        mean = self.quant_conv(self.encoder(2 * image - 1))[:, :LATENT]
        return (mean - SHIFT) * SCALING

    def decode(self, latent):
        return self.decoder(self.post_quant_conv(latent / SCALING + SHIFT)) / 2 + 0.5


def write(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        kind = {torch.float32: "F32", torch.uint8: "U8"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    net = AutoencoderKL()
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if "norm" in name:
                tensor.add_(0.3 * torch.randn(tensor.shape))
            elif tensor.dim() > 1:
                tensor.copy_(torch.randn(tensor.shape) * (2.0 / tensor[0].numel()) ** 0.5)
        rough = torch.rand(1, 3, 7, 5)
        image = F.interpolate(rough, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)
        image = torch.round(255 * image).to(torch.uint8)
        latent = net.encode(image.float() / 255)
        picture = net.decode(latent)
    tensors = dict(net.state_dict())
    tensors["reference.image"] = image[0].permute(1, 2, 0)
    tensors["reference.latent"] = latent[0].permute(1, 2, 0)
    tensors["reference.picture"] = picture[0].permute(1, 2, 0)
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "autoencoder_kl.safetensors"),
          tensors, {"norm_num_groups": str(GROUPS), "scaling_factor": str(SCALING),
                    "shift_factor": str(SHIFT)})
    print(sum(p.numel() for p in net.parameters()), "weights; latent deviation",
          float(latent.std()), "picture", float(picture.min()), float(picture.max()))


if __name__ == "__main__":
    main()
