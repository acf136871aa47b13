# SPDX-License-Identifier: GPL-3.0-or-later
"""dataset: the labelled sets of semantic/images/dataset.h, by the same words.

    cifar10:FILE[,FILE...][,skip=LIST]      binary files, plain or .xz; LIST: "FILE ROW" lines
    fashion-mnist[:train|test][,FOLDER]     Debian's dataset-fashion-mnist

and, for cuts, pictures of any size (open_pictures; PNG and JPEG, read by Pillow):

    FOLDER    FILE.txt    FILE    photos:PATH[,PATH...]    any of the above
"""

from __future__ import annotations

import gzip
import lzma
import os
import struct

import numpy as np

SIDE = 32
ROW_BYTES = 1 + 3 * SIDE * SIDE
FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"


def open_dataset(spec: str) -> tuple[np.ndarray, np.ndarray]:
    """-> uint8 [count, 3, 32, 32] and labels int64 [count].  ValueError or OSError."""
    name, _, rest = spec.partition(":")
    if name == "cifar10":
        return _cifar10(rest)
    if name == "fashion-mnist":
        return _fashion_mnist(rest)
    raise ValueError(f'"{spec}" is neither cifar10:FILE,... nor fashion-mnist[:train|test]')


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.decompress(data)
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _skip_list(path: str) -> list[tuple[str, int]]:
    skipped = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if not words or line.startswith("#"):
                continue
            if len(words) < 2 or not words[1].isdigit():
                raise ValueError(f'{path}:{number}: not "FILE ROW"')
            skipped.append((words[0], int(words[1])))
    return skipped


def _cifar10(request: str) -> tuple[np.ndarray, np.ndarray]:
    words = [word for word in request.split(",") if word]
    skipped = [row for word in words if word.startswith("skip=") for row in _skip_list(word[5:])]
    files = [word for word in words if not word.startswith("skip=")]
    parts = []
    for path in files:
        data = _read(path)
        if not data or len(data) % ROW_BYTES:
            raise ValueError(f"{path}: {len(data)} bytes are not rows of {ROW_BYTES} (CIFAR-10)")
        rows = np.frombuffer(data, np.uint8).reshape(-1, ROW_BYTES)
        if rows[:, 0].max() > 9:
            raise ValueError(f"{path}: row {int(rows[:, 0].argmax())} has a label above 9")
        name = os.path.basename(path)
        name = name[:-3] if name.endswith(".xz") else name
        drop = [row for file, row in skipped if file == name]
        if drop and max(drop) >= len(rows):
            raise ValueError(f"{path}: the skip list names row {max(drop)} of {len(rows)}")
        parts.append(np.delete(rows, drop, axis=0))
    if not parts or not sum(map(len, parts)):
        raise ValueError("cifar10: no file named, or every row is skipped")
    rows = np.concatenate(parts)
    return rows[:, 1:].reshape(-1, 3, SIDE, SIDE), rows[:, 0].astype(np.int64)


def _idx(path: str, magic: int, rank: int) -> np.ndarray:
    """An IDX file: big-endian magic, `rank` dimensions, and bytes."""
    data = _read(path)
    head = struct.calcsize(f">{1 + rank}I")
    numbers = struct.unpack(f">{1 + rank}I", data[:head]) if len(data) >= head else (0,)
    if numbers[0] != magic or np.prod(numbers[1:], dtype=np.int64) != len(data) - head:
        raise ValueError(f"{path}: not the IDX file of Fashion-MNIST, or cut short")
    return np.frombuffer(data[head:], np.uint8).reshape(numbers[1:])


def _fashion_mnist(request: str) -> tuple[np.ndarray, np.ndarray]:
    """28x28 grey becomes 32x32 RGB: two black pixels on each side, R = G = B."""
    word, _, folder = request.partition(",")
    word, folder = word or "test", folder or FASHION_FOLDER
    if word not in ("train", "test"):
        raise ValueError(f"fashion-mnist:{request}: say train or test")
    split = os.path.join(folder, "t10k" if word == "test" else "train")
    grey = _idx(f"{split}-images-idx3-ubyte.gz", 0x803, 3)
    labels = _idx(f"{split}-labels-idx1-ubyte.gz", 0x801, 1)
    if grey.shape[1:] != (28, 28) or len(labels) != len(grey) or labels.max() > 9:
        raise ValueError(f"{split}-*: not 28x28 pictures with labels 0 .. 9")
    wide = np.pad(grey, ((0, 0), (2, 2), (2, 2)))
    return np.repeat(wide[:, None], 3, axis=1), labels.astype(np.int64)


# ---- pictures of any size ------------------------------------------------------------


def open_pictures(spec: str) -> list[np.ndarray]:
    """-> uint8 [H, W, 3] each.  ValueError or OSError."""
    name, _, rest = spec.partition(":")
    if name in ("cifar10", "fashion-mnist"):
        return list(np.ascontiguousarray(open_dataset(spec)[0].transpose(0, 2, 3, 1)))
    paths = [word for word in rest.split(",") if word] if name == "photos" else [spec]
    if not paths:
        raise ValueError("photos: names no folder (say photos:FOLDER,FOLDER...)")
    return [_picture(file) for path in paths for file in _files(path)]


def _files(path: str) -> list[str]:
    """The files of a folder, sorted, or of a list, or the one file."""
    if os.path.isdir(path):
        names = sorted(os.listdir(path), key=os.fsencode)
        files = [os.path.join(path, name) for name in names if not name.startswith(".")
                 and name.lower().endswith((".png", ".jpg", ".jpeg"))]
    elif path.lower().endswith(".txt"):
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\r\n").lstrip(" \t") for line in file]
        files = [os.path.join(os.path.dirname(path), line) for line in lines
                 if line and not line.startswith("#")]
    else:
        files = [path]
    if not files:
        raise ValueError(f"{path}: no picture in it")
    return files


def _picture(path: str) -> np.ndarray:
    """8-bit RGB, transparency over black, as semantic/images/image.h."""
    try:
        from PIL import Image
    except ImportError:
        raise ValueError("photos need Pillow (Debian: python3-pil)") from None
    with Image.open(path) as image:
        if image.mode in ("CMYK", "YCCK") or image.mode.startswith(("I", "F")):
            raise ValueError(f"{path}: pictures of kind {image.mode} are not read; make it 8-bit RGB")
        if image.mode in ("RGBA", "LA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return np.array(image.convert("RGB"))
