# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of test_torch_parity.c: python3 torch_parity.py FOLDER

Reads what the engine wrote there, runs the twins on it, and compares; then writes weights of its
own, and what they give, for the engine to compare.  Says what differs and exits with 1.
"""

from __future__ import annotations

import json
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

from semantic.torch import (crops, dataset, deepjscc, image32, judge, optimizer, recipe,
                            safetensors_file, symbols, twin)

DESIGN_SNRS_DB = (10.0, -0.5, 17.6, 99.0)  # of rates 1 .. 4, as in test_torch_parity.c
LIMIT = 1e-4  # of the largest element
FOLDER = sys.argv[1]
failures = 0
largest = 0.0


def path(name: str) -> str:
    return os.path.join(FOLDER, name)


def check(good: bool, text: str) -> None:
    global failures
    if not good:
        print(f"torch_parity: {text}")
        failures += 1


def compare(what: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    global largest
    scale = theirs.abs().max().item()
    error = (ours.detach() - theirs).abs().max().item() / max(scale, 1e-30)
    largest = max(largest, error)
    check(scale > 0.0, f"{what}: the engine's is all zero, nothing is compared")
    check(error <= LIMIT, f"{what}: differs by {error:.2e} of the largest element")


def load_case(name: str) -> dict[str, torch.Tensor]:
    """The engine's [N][h][w][c] become [N, c, h, w], or what is left without sides of 1."""
    tensors = {key: torch.from_numpy(value)
               for key, value in safetensors_file.read(path(name))[0].items()}
    return {key: value.permute(0, 3, 1, 2).contiguous()
            if value.ndim == 4 and not key.startswith(("gradient.", "value.")) else value
            for key, value in tensors.items()}


def compare_gradients(case: str, module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    parameters = dict(module.named_parameters())
    given = {key[9:]: value for key, value in tensors.items() if key.startswith("gradient.")}
    for name, value in given.items():
        gradient = parameters[name].grad
        check(gradient is not None, f"{case}: no gradient of {name}")
        if gradient is not None:
            compare(f"{case}: gradient of {name}", gradient, value)
    trained = {name for name, value in parameters.items() if value.grad is not None}
    check(trained == given.keys(), f"{case}: gradients of {sorted(trained ^ given.keys())}")


def mode_of(case: str, t: dict[str, torch.Tensor], p: int) -> torch.Tensor:
    mode = image32.mode_features(p, t["snr_db"])
    compare(f"{case}: mode", mode, t["mode"].flatten(1))
    return mode


def encoder_case() -> None:
    codec, _ = image32.Image32.load(path("codec.safetensors"))
    t = load_case("encoder.case")
    picture = t["image"].requires_grad_()
    p = int(t["p"])
    out = codec.train().encoder(picture, p, mode_of("encoder", t, p))
    for name in ("bounded", "points", "symbols"):
        compare(f"encoder: {name}", getattr(out, name), t[name])
    out.symbols.backward(t["seed"])
    compare("encoder: gradient of the picture", picture.grad, t["image_gradient"])
    compare("encoder: running power", codec.encoder.scale.running_power, t["running_power"])
    compare_gradients("encoder", codec, t)


def decoder_case() -> None:
    codec, _ = image32.Image32.load(path("codec.safetensors"))
    t = load_case("decoder.case")
    soft = t["soft"].requires_grad_()
    picture = codec.train().decoder(soft, mode_of("decoder", t, int(t["p"])))
    compare("decoder: picture", picture, t["picture"])
    picture.backward(t["seed"])
    compare("decoder: gradient of the symbols", soft.grad, t["soft_gradient"])
    compare_gradients("decoder", codec, t)


def step_case() -> None:
    """A whole training step: encoder, channel, decoder, both losses."""
    codec, _ = image32.Image32.load(path("codec.safetensors"))
    t = load_case("step.case")
    p = int(t["p"])
    used = p * image32.CHANNELS_PER_RATE
    mode = mode_of("step", t, p)
    out = codec.train().encoder(t["image"], p, mode)
    soft = symbols.channel(out.symbols, t["h"], t["noise"], t["n0"].flatten(), used)
    compare("step: soft symbols", soft, t["soft"])
    picture = codec.decoder(soft, mode)
    loss = (((picture - t["image"]) ** 2).mean((1, 2, 3)) * t["weight"].flatten()).mean()
    loss = loss + t["eta"] * symbols.commitment(out.bounded, out.points, used).mean()
    compare("step: loss", loss.reshape(1), t["loss"])
    loss.backward()
    compare_gradients("step", codec, t)


def optimizer_case(method: str) -> None:
    """Two steps of an optimiser with the engine's gradients; after Muon the average too."""
    codec, _ = image32.Image32.load(path("codec.safetensors"))
    t = load_case(f"{method}.case")
    options = recipe.Recipe()
    for key, word in (("optimizer", method), ("decay", "0.1"), ("clip", "5"), ("ema", "0.9"),
                      ("beta2", "0.999")):
        options.set(f"train.{key}", word)
    for name, parameter in codec.named_parameters():
        parameter.grad = t[f"gradient.{name}"].clone()
    steps = optimizer.Optimizer(codec, options)
    compare(f"{method}: norm", torch.tensor([steps.step(0.02)]), t["norm"])
    steps.step(0.01)
    for name, value in twin.tensors_of(codec).items():
        compare(f"{method}: {name}", value, t[f"value.{name}"])
    if method == "muon":
        average = safetensors_file.read(path("average.safetensors"))[0]
        steps.swap_average()
        for name, value in twin.tensors_of(codec).items():
            compare(f"average of {name}", value, torch.from_numpy(average[name]))


def judge_case() -> None:
    network, _ = judge.Judge.load(path("judge.safetensors"))
    t = load_case("judge.case")
    picture = t["image"].requires_grad_()
    logits = network.train()(picture)
    compare("judge: logits", logits, t["logits"].flatten(1))
    loss = F.cross_entropy(logits, t["label"].flatten().long(), label_smoothing=0.1)
    compare("judge: loss", loss.reshape(1), t["loss"])
    loss.backward()
    compare("judge: gradient of the picture", picture.grad, t["image_gradient"])
    for name, value in twin.tensors_of(network).items():
        if "running" in name:
            compare(f"judge: {name}", value, t[name])
    compare_gradients("judge", network, t)


def dataset_case() -> None:
    t = load_case("dataset.case")
    spec = f"cifar10:{path('a.bin')},{path('b.bin')},skip={path('skip.txt')}"
    pixels, labels = dataset.open_dataset(spec)
    check(bool((t["pictures"].numpy() == pixels).all()), "cifar10: other pixels")
    check(bool((t["labels"].numpy() == labels).all()), "cifar10: other labels")


def cut_places(cuts: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """[N, 3, 8, 8] of test_torch_parity.c's photos -> photo, half size, mirrored, left, top."""
    values = cuts * 255.0
    step = (values[:, 0, 0, 1] - values[:, 0, 0, 0]) / 2.0  # pixels of the photo
    half, mirrored = step.abs() > 1.5, step < 0
    left = values[:, 0].amin((1, 2)) / 2.0 - 0.5 * half
    top = values[:, 1].amin((1, 2)) / 2.0 - 0.5 * half
    return tuple(v.round().long() for v in (values[:, 2, 0, 0] / 80.0, half.float(),
                                            mirrored.float(), left, top))


def crops_case() -> None:
    """Exact pixels of what is cut, and the same distribution of places: 4 deviations apart at most
    (2048 cuts each, fixed seeds)."""
    def options(spec: str, batch: int) -> recipe.Recipe:
        out = recipe.Recipe()
        out.set("data.train", spec)
        out.set("train.batch", str(batch))
        return out

    theirs = load_case("crops.case")["cuts"]
    spec = f"photos:{path('photos')},{path('list.txt')}"
    source = crops.Crops(options(spec, 64), torch.device("cpu"), theirs.shape[2])
    check(source.per_epoch == 1, "crops: another length of the epoch")
    ours = torch.cat([source.fill(step)[0] for step in range(len(theirs) // 64)])
    here, there = cut_places(ours), cut_places(theirs)
    photos = dataset.open_pictures(spec)
    for number, cut in enumerate(ours[:200]):  # each is where it says it is
        photo, half, mirrored, left, top = (int(v[number]) for v in here)
        part = torch.from_numpy(photos[photo]).permute(2, 0, 1)[None].float() / 255.0
        side = cut.shape[1] << half
        part = F.avg_pool2d(part[:, :, top : top + side, left : left + side], 1 << half)
        part = part.flip(3) if mirrored else part
        check(bool(((part[0] - cut).abs() < 1e-6).all()), f"crops: cut {number} is not in photo {photo}")
    every = [torch.ones(len(v), dtype=torch.bool) for v in (ours, theirs)]
    of = [[v[0] == photo for photo in range(3)] for v in (here, there)]
    for what, at, among in (("photo 2", 0, -1), ("half size", 1, 0), ("half size", 1, 2),
                            ("mirrored", 2, -1), ("left", 3, 1), ("top", 4, 0), ("top", 4, 1)):
        a, b = ((v[at][every[s] if among < 0 else of[s][among]] == 2).double() if at == 0
                else v[at][every[s] if among < 0 else of[s][among]].double()
                for s, v in enumerate((here, there)))
        apart = (a.mean() - b.mean()).abs()
        deviation = (a.var() / len(a) + b.var() / len(b)).sqrt()
        check(bool(apart <= 4.0 * deviation), f"crops: {what} of photo {among}: means {a.mean():.3f}, "
              f"the engine's {b.mean():.3f}")
        check(bool((a.max() - b.max()).abs() <= 2.0), f"crops: {what} of photo {among}: another range")
    large = load_case("large.case")["cut"]
    ours = crops.Crops(options(path("large.png"), 1), torch.device("cpu"), large.shape[2])
    check(ours.pixels.shape[0] == 640 * 640, "crops: a camera's photo was not reduced")
    ours = ours.pixels.reshape(1, 640, 640, 3).permute(0, 3, 1, 2).float() / 255.0
    apart = min((way - large).abs().max().item() for way in (ours, ours.flip(3)))
    check(apart <= 1e-6, "crops: a reduced photo has other pixels")


def psnr_db(sent: torch.Tensor, received: torch.Tensor) -> float:
    mse = ((sent.double() - received.double()) ** 2).mean()
    return (10.0 * torch.log10(255.0 ** 2 / mse)).item()


def write_codec(rgb: torch.Tensor, noise: torch.Tensor) -> dict[str, np.ndarray]:
    """Weights of a network that PyTorch made, and what they give at each rate at 10 dB."""
    codec = image32.Image32(image32.Shape(width=16, encoder_blocks=1, decoder_blocks=2))
    picture = rgb.permute(0, 3, 1, 2).float() / 255.0
    expected = {}
    with torch.no_grad():
        for p in range(1, image32.RATES + 1):
            mode = image32.mode_features(p, torch.full((len(rgb),), 10.0))
            codec.train().encoder(F.pad(picture, (0, 2, 0, 3)), p, mode)
        notes = {**codec.shape.notes(), "recipe": "[data]\ntrain = \"ümlaut\\\"\n"}
        twin.save(codec, path("python_codec.safetensors"), notes)
        codec, _ = image32.Image32.load(path("python_codec.safetensors"))
        for p in range(1, image32.RATES + 1):
            words = () if p == 1 else (DESIGN_SNRS_DB[p - 1],)
            sent = image32.encode(codec, rgb, p, *words)
            n0 = 0.1
            y = sent + noise[: sent.shape[1]] * n0 ** 0.5
            variance = torch.full(sent.shape, n0 / (1.0 + n0))
            got = image32.decode(codec, y / (1.0 + n0), variance, rgb.shape[1], rgb.shape[2],
                                 *words)
            expected[f"symbols.{p}"] = torch.view_as_real(sent).numpy()
            expected[f"psnr.{p}"] = np.array([psnr_db(rgb, got)], np.float32)
    return expected


def write_deepjscc(rgb: torch.Tensor, noise: torch.Tensor) -> dict[str, np.ndarray]:
    codec = deepjscc.DeepJscc(8)
    twin.save(codec, path("python_deepjscc.safetensors"), {})
    codec = deepjscc.DeepJscc.load(path("python_deepjscc.safetensors"))
    with torch.no_grad():
        sent = codec.encode(rgb)
        got = codec.decode(sent + noise[: sent.shape[1]] * 0.3, rgb.shape[1], rgb.shape[2])
    return {"deepjscc.symbols": torch.view_as_real(sent).numpy(),
            "deepjscc.pictures": got.float().numpy()}


def write_judge(rgb: torch.Tensor) -> dict[str, np.ndarray]:
    network = judge.Judge(judge.Shape((8, 12, 16, 20)))
    torch.nn.init.normal_(network.head.weight)
    picture = rgb.permute(0, 3, 1, 2).float() / 255.0
    with torch.no_grad():
        network.train()(picture)
        twin.save(network, path("python_judge.safetensors"), network.shape.notes())
        logits = network.eval()(picture)
    return {"judge.probability": F.softmax(logits, 1).numpy()}


def refused(name: str, header: object, body: bytes = b"\0" * 16, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with open(path("bad.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text) if length is None else length) + text + body)
    try:
        safetensors_file.read(path("bad.safetensors"))
        check(False, f"a file with {name} was read")
    except safetensors_file.FormatError as error:
        check("bad.safetensors" in str(error), f"{name}: the error names no file: {error}")


def bad_files() -> None:
    def tensor(first: int, end: int, shape: list, dtype: str = "F32") -> dict:
        return {"dtype": dtype, "shape": shape, "data_offsets": [first, end]}

    whole = tensor(0, 16, [4])
    refused("a header longer than the file", {"a": whole}, length=1 << 60)
    refused("a header that is a list", [whole])
    refused("a header that is cut", b'{"a": ')
    refused("a name twice", b'{"a": %s, "a": %s}' % ((json.dumps(whole).encode(),) * 2))
    refused("tensors that overlap", {"a": tensor(0, 12, [3]), "b": tensor(8, 16, [2])})
    refused("a hole", {"a": tensor(0, 4, [1]), "b": tensor(8, 16, [2])})
    refused("bytes too many", {"a": tensor(0, 12, [3])})
    refused("data past the end", {"a": tensor(0, 32, [8])})
    refused("a shape that disagrees", {"a": tensor(0, 16, [5])})
    refused("a negative side", {"a": tensor(0, 16, [-2, -2])})
    refused("a shape beyond all bounds", {"a": tensor(0, 16, [1 << 40, 1 << 40])})
    refused("an unknown type", {"a": tensor(0, 16, [4], "F9")})
    refused("a list as type", {"a": {**whole, "dtype": ["F32"]}})
    refused("a note that is a number", {"__metadata__": {"width": 3}, "a": whole})
    refused("an empty name", {"": whole})


def bad_weights() -> None:
    tensors, notes = safetensors_file.read(path("codec.safetensors"))

    def try_load(what: str, named: str, tensors: dict, notes: dict) -> None:
        safetensors_file.write(path("wrong.safetensors"), tensors, notes)
        try:
            image32.Image32.load(path("wrong.safetensors"))
            check(False, f"weights with {what} were loaded")
        except safetensors_file.FormatError as error:
            check(named in str(error), f"{what}: the error does not name {named}: {error}")

    name = "encoder.head.bias"
    try_load("a tensor missing", name, {k: v for k, v in tensors.items() if k != name}, notes)
    try_load("a tensor too many", "more", {**tensors, "more": tensors[name]}, notes)
    try_load("another shape", name, {**tensors, name: tensors[name][1:]}, notes)
    try_load("a width of nan", "width", tensors, {**notes, "width": "nan"})
    try_load("another codec", "codec", tensors, {**notes, "codec": "other"})


def main() -> int:
    torch.manual_seed(7)
    for method in ("sgd", "adamw", "muon"):
        optimizer_case(method)
    for case in (encoder_case, decoder_case, step_case, judge_case, dataset_case, crops_case,
                 bad_files, bad_weights):
        case()
    given, _ = safetensors_file.read(path("pictures.safetensors"))
    noise = torch.view_as_complex(torch.from_numpy(given["noise"]))
    square = torch.from_numpy(given["square"]).to(torch.uint8)
    expected = {**write_codec(torch.from_numpy(given["odd"]).to(torch.uint8), noise),
                **write_deepjscc(square, noise), **write_judge(square)}
    safetensors_file.write(path("python_expected.safetensors"), expected, {})
    print(f"torch_parity: torch {torch.__version__}, largest difference {largest:.1e}")
    return 1 if failures else 0


sys.exit(main())
