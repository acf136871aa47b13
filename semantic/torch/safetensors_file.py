# SPDX-License-Identifier: GPL-3.0-or-later
"""safetensors_file: weight files, read and written with numpy alone.

A file is 8 bytes of little-endian header length, a JSON header, and the tensors' bytes.  The
reader is as strict as the engine's (semantic/nn/safetensors.h): what one refuses, the other does.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np

HEADER_LIMIT = 16 << 20
RANK_MAX = 8
NAME_MAX = 255
SIZES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1}
TYPES = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}


class FormatError(ValueError):
    """A file that is not what it should be; the text names the file and the tensor."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_entry(name: str, entry: Any, size: int) -> None:
    """Raises ValueError with a reason unless the entry fits itself and data of `size` bytes."""
    if not name or len(name.encode()) > NAME_MAX or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise ValueError("its name is empty, too long, or has control characters")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError("it is not an object of dtype, shape, and data_offsets")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in SIZES:
        raise ValueError(f"dtype {str(entry['dtype'])[:20]} is not read here")
    if not isinstance(shape, list) or len(shape) > RANK_MAX or not all(map(_is_count, shape)):
        raise ValueError("its shape is not a short list of counts")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise ValueError("data_offsets is not a pair of numbers")
    if offsets[1] < offsets[0] or offsets[1] > size:
        raise ValueError("its data lies outside the file")
    count = 1
    for side in shape:
        count *= side
    if count * SIZES[entry["dtype"]] != offsets[1] - offsets[0]:
        raise ValueError("its shape and its data disagree in size")


def _check_tiling(entries: dict[str, Any], size: int) -> None:
    """In order, each tensor starts where the one before ended; the last ends the file."""
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        first, end = entry["data_offsets"]
        if first != at:
            what = "overlaps another tensor's" if first < at else "leaves a hole before it"
            raise ValueError(f"tensor {name[:80]}: its data {what}")
        at = end
    if at != size:
        raise ValueError(f"{size - at} bytes at the end belong to no tensor")


def _parse(data: bytes) -> tuple[dict[str, Any], dict[str, str], memoryview]:
    """-> entries by name, notes, the tensors' bytes."""
    if len(data) < 8:
        raise ValueError("too short for a safetensors file")
    (length,) = struct.unpack("<Q", data[:8])
    if length > HEADER_LIMIT or length > len(data) - 8:
        raise ValueError(f"its header claims {length} bytes")
    if length == 0 or data[8:9] != b"{":
        raise ValueError("its header is not a JSON object")
    try:
        header = json.loads(data[8 : 8 + length].decode(), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"header: {error}") from None
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(v, str) for v in notes.values()):
        raise ValueError("__metadata__ is not an object of strings")
    body = memoryview(data)[8 + length :]
    for name, entry in header.items():
        try:
            _check_entry(name, entry, len(body))
        except ValueError as error:
            raise ValueError(f"tensor {name[:80]}: {error}") from None
    _check_tiling(header, len(body))
    return header, notes, body


def _values(entry: dict[str, Any], body: memoryview) -> np.ndarray:
    """One tensor as fp32 of its shape."""
    raw = body[entry["data_offsets"][0] : entry["data_offsets"][1]]
    if entry["dtype"] == "BF16":
        flat = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        flat = np.frombuffer(raw, TYPES[entry["dtype"]]).astype(np.float32)
    return flat.reshape(entry["shape"])


def read(path: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """-> tensors by name, as fp32, in the order of their data; the notes of `__metadata__`."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        entries, notes, body = _parse(data)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    order = sorted(entries, key=lambda name: entries[name]["data_offsets"])
    return {name: _values(entries[name], body) for name in order}, notes


def write(path: str, tensors: dict[str, np.ndarray], notes: dict[str, str]) -> None:
    """Writes fp32 tensors and notes, atomically; the data starts at a multiple of 64 bytes."""
    header: dict[str, Any] = {"__metadata__": dict(notes)} if notes else {}
    at = 0
    for name, values in tensors.items():
        end = at + 4 * values.size
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for values in tensors.values():
                file.write(np.ascontiguousarray(values, dtype="<f4").tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
