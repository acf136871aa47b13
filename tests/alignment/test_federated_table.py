#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tables of docs/FEDERATED.md: synthetic latents that share causes, through the command.
#
#     /usr/bin/python3 tests/alignment/test_federated_table.py captured|nmse [PROGRAM]
import json
import struct
import subprocess
import sys
import tempfile

import numpy as np

SEEDS = range(1, 7)
PROGRAM = sys.argv[2] if len(sys.argv) > 2 else "build/release/bin/semradio-align"


def save(path, tensors):
    head, data = {}, b""
    for name, a in tensors.items():
        a = np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a
        raw = np.ascontiguousarray(a, "<f8").tobytes()
        head[name] = {"dtype": "F64", "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def problem(path, seed, antennas):
    """48 causes of falling weight, bent by tanh; 64 features at the AP, users of 64, 96 and 24; n = 500."""
    rng = np.random.default_rng(seed)
    causes = (0.93 ** np.arange(48))[:, None] * rng.standard_normal((48, 500))
    latents = lambda m: np.tanh(rng.standard_normal((m, 48)) @ causes / 3) + 0.1 * rng.standard_normal((m, 500))
    tensors = {"X": latents(64)}
    for k, m in enumerate((64, 96, 24)):
        h = rng.standard_normal((2, antennas, antennas))
        tensors[f"Y{k}"], tensors[f"H{k}"] = latents(m), (h[0] + 1j * h[1]) / np.sqrt(2)
    save(path, tensors)


def run(path, uses, snr_db, *words):
    done = subprocess.run([PROGRAM, "federated", path, path + ".out", "--complexify", "--whiten", f"--K={uses}",
                           f"--P={uses}", f"--snr_db={snr_db}", "--json", *words], capture_output=True, check=True)
    return json.loads(done.stdout)


METHODS = {
    "mean (published)": ["--method=mean", "--start=random"],
    "joint": ["--method=joint", "--start=random"],
    "wiener, random start": ["--method=wiener", "--start=random"],
    "wiener": ["--method=wiener"],
    "one-shot": ["--method=one-shot"],
    "first-k": ["--method=first-k"],
    "top-k": ["--method=top-k"],
    "top-k-free (no system)": ["--method=top-k-free"],
    "svd-mmse (3 x the air time)": ["--method=svd-mmse"],
    "multi (3 x the air time)": ["--method=multi"],
}
RAW = {
    "mean, widely linear, raw": ["--method=mean", "--start=random", "--widely_linear", "--domain=raw"],
    "wiener, raw": ["--method=wiener", "--domain=raw"],
    "wiener, widely linear": ["--method=wiener", "--widely_linear"],
    "wiener, widely linear, raw": ["--method=wiener", "--widely_linear", "--domain=raw"],
}


def captured(path):
    snrs = (-20, -10, 0, 10, 20, 30)
    share = {m: {s: [] for s in snrs} for m in METHODS}
    for seed in SEEDS:
        problem(path, seed, 4)
        for s in snrs:
            best = max(run(path, 2, s, "--method=wiener", "--rounds=1000", *w)["captured"]
                       for w in ([], ["--start=random", "--seed=101"], ["--start=random", "--seed=102"]))
            for m, words in METHODS.items():
                share[m][s].append(run(path, 2, s, *words)["captured"] / best)
    print("| method | " + " | ".join(f"{s} dB" for s in snrs) + " |\n|---|" + "---|" * len(snrs))
    for m, row in share.items():
        print(f"| {m} | " + " | ".join(f"{np.mean(v):.3f} ({np.min(v):.3f})" for v in row.values()) + " |")


def nmse(path):
    sums = {m: [] for m in METHODS | RAW}
    for seed in list(SEEDS)[:3]:
        for antennas in (1, 2, 4):
            problem(path, seed, antennas)
            for uses in (1, 2, 4, 8):
                for m, words in (METHODS | RAW).items():
                    user = run(path, uses, 20, *words)["user"]
                    sums[m].append(np.mean([u["nmse_raw"] for u in user]))
    print("| method | NMSE of the raw latents |\n|---|---|")
    for m, v in sums.items():
        print(f"| {m} | {np.mean(v):.3f} |")


with tempfile.TemporaryDirectory() as folder:
    {"captured": captured, "nmse": nmse}[sys.argv[1]](folder + "/problem")
