# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of test_torch_agent.c: python3 torch_agent.py FOLDER

Compares the twin with what the engine wrote; writes weights of its own, and what they give, for the
engine to compare.  Says what differs and exits with 1.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import torch

from semantic.torch import agent, safetensors_file, twin

FOLDER = sys.argv[1]
failures = 0
largest = 0.0


def compare(what: str, ours: torch.Tensor, theirs: torch.Tensor, limit: float = 1e-4) -> None:
    global failures, largest
    scale = theirs.abs().max().item()
    error = (ours.detach() - theirs).abs().max().item() / max(scale, 1e-30)
    largest = max(largest, error)
    if not (scale > 0.0 and error <= limit):
        print(f"torch_agent: {what}: differs by {error:.2e} of the largest element {scale:.2e}")
        failures += 1


def picture_of(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def main() -> int:
    torch.manual_seed(3)
    network, _ = agent.Agent.load(os.path.join(FOLDER, "weights.safetensors"))
    case = safetensors_file.read(os.path.join(FOLDER, "step.case"))[0]
    image = picture_of(case["image"])
    result = network.train()(image)
    value = agent.loss(result, image)
    value.backward()
    compare("picture", result.picture, picture_of(case["picture"]))
    compare("loss", value.reshape(1), torch.from_numpy(case["loss"]))
    compare("codebook after a step", network.codes.codebook, torch.from_numpy(case["codebook"]))
    compare("usage after a step", network.codes.usage, torch.from_numpy(case["usage"]))
    names = {name: parameter for name, parameter in network.named_parameters()}
    given = {key[9:]: tensor for key, tensor in case.items() if key.startswith("gradient.")}
    if given.keys() != names.keys():
        print(f"torch_agent: gradients of {sorted(given.keys() ^ names.keys())}")
        return 1
    for name, tensor in given.items():
        compare(f"gradient of {name}", names[name].grad, torch.from_numpy(tensor))

    own = agent.Agent(agent.Shape(width=12, encoder_blocks=1, decoder_blocks=2, code_size=5))
    with torch.no_grad():
        for _ in range(3):
            own.train()(image)
        twin.save(own, os.path.join(FOLDER, "python.safetensors"), own.shape.notes())
        own, _ = agent.Agent.load(os.path.join(FOLDER, "python.safetensors"))
        shown = torch.round(image[:1].clamp(0, 1) * 255.0) / 255.0
        result = own(shown)
    safetensors_file.write(os.path.join(FOLDER, "python.case"), {
        "codes": result.codes.float().numpy(),
        "picture": result.picture.permute(0, 2, 3, 1).contiguous().numpy()}, {})
    print(f"torch_agent: largest difference {largest:.1e}")
    return 1 if failures else 0


sys.exit(main())
