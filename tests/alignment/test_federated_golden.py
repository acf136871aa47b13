#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Golden vectors of alignment/federated, by the formulas of docs/FEDERATED.md written out on samples:
#
#     /usr/bin/python3 tests/alignment/test_federated_golden.py >tests/alignment/test_federated_golden.h
#     /usr/bin/python3 tests/alignment/test_federated_golden.py IN.safetensors [WHITE]   the problem as a file
import json
import struct
import sys

import numpy as np

K, SIGMA2, P, RHO, ROUNDS, N, DX = 2, 0.2, 3.0, 0.7, 5, 40, 7  # DX odd: a row of zeros


def problem():
    rng = np.random.default_rng(9)
    base = rng.standard_normal((9, N))
    x = rng.standard_normal((DX, 9)) @ base + 0.3 * rng.standard_normal((DX, N)) + 1.0
    y = [rng.standard_normal((m, 9)) @ base + 0.2 * rng.standard_normal((m, N)) for m in (6, 3, 2)]
    h = [(rng.standard_normal((r, 2)) + 1j * rng.standard_normal((r, 2))) / np.sqrt(2) for r in (2, 3, 1)]
    f0 = rng.standard_normal((2 * K, 4)) + 1j * rng.standard_normal((2 * K, 4))
    return x, y, h, f0


def complexify(a):
    half = (a.shape[0] + 1) // 2
    a = np.vstack([a, np.zeros((2 * half - a.shape[0], a.shape[1]))])
    return a[:half] + 1j * a[half:]


def whiten(a):
    a = a - a.mean(1, keepdims=True)
    return np.linalg.solve(np.linalg.cholesky(a @ a.conj().T / (a.shape[1] - 1)), a)


def equaliser(x, y, b):
    n, c = x.shape[1], y @ x.conj().T / x.shape[1]
    r = x @ x.conj().T / n
    return c @ b.conj().T @ np.linalg.inv(b @ r @ b.conj().T + SIGMA2 * np.eye(len(b)))


def objective(x, ys, big, f, gs):
    n = x.shape[1]
    return sum(np.linalg.norm(y - g @ h @ f @ x) ** 2 / n + SIGMA2 * np.linalg.norm(g) ** 2
               for y, h, g in zip(ys, big, gs))


def sylvester(m1, r, load, right):
    """m1 F r + load F = right, by Kronecker products."""
    a = np.kron(r.T, m1) + load * np.eye(m1.shape[0] * r.shape[0])
    return np.linalg.solve(a, right.flatten("F")).reshape(right.shape, order="F")


def rounds(method, x, ys, hs, f0):
    n, users = x.shape[1], len(ys)
    r = x @ x.conj().T / n
    big = [np.kron(np.eye(K), h) for h in hs]
    ball = lambda a: a * min(1.0, np.sqrt(P / np.linalg.norm(a) ** 2))
    f, z, u, obj_round, obj_dep = f0, ball(f0), 0 * f0, [], []
    for _ in range(ROUNDS):
        gs = [equaliser(x, y, h @ f) for y, h in zip(ys, big)]
        a = [g @ h for g, h in zip(gs, big)]
        m1 = [k.conj().T @ k for k in a]
        q = [k.conj().T @ y @ x.conj().T / n for k, y in zip(a, ys)]
        if method == "wiener":
            load = SIGMA2 * sum(np.linalg.norm(g) ** 2 for g in gs) / P
            f = sylvester(sum(m1), r, load, sum(q))
            scale = np.sqrt(P) / np.linalg.norm(f)
            f = z = scale * f
            gs = [g / scale for g in gs]
        else:
            if method == "mean":
                f = sum(sylvester(m, r, RHO, k + RHO * (z - u)) for m, k in zip(m1, q)) / users
            else:
                f = sylvester(sum(m1), r, RHO, sum(q) + RHO * (z - u))
            z = ball(f + u)
            u = u + f - z
        obj_round.append(objective(x, ys, big, f, gs))
        obj_dep.append(objective(x, ys, big, z, [equaliser(x, y, h @ z) for y, h in zip(ys, big)]))
    return f, z, gs, obj_round, obj_dep


def numbers(a):
    a = np.asarray(a)
    flat = np.stack([a.real, a.imag], -1).ravel() if np.iscomplexobj(a) else a.ravel()
    return ", ".join(f"{v:.15e}" for v in flat)


def write_file(path, x, y, h, f0):
    tensors = {"X": x, "F0": f0, "K": np.array([K]), "sigma2": np.array([SIGMA2]), "P": np.array([P]),
               "rho": np.array([RHO]), "rounds": np.array([ROUNDS])}
    for k, (a, b) in enumerate(zip(y, h)):
        tensors[f"Y{k}"], tensors[f"H{k}"] = a, b
    head, data = {}, b""
    for name, a in tensors.items():
        a = np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a
        raw = np.ascontiguousarray(a, "<f8").tobytes()
        head[name] = {"dtype": "F64", "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def main():
    x, y, h, f0 = problem()
    if len(sys.argv) > 1:
        write_file(sys.argv[1], x, y, h, f0)
        return
    print("/* SPDX-License-Identifier: GPL-3.0-or-later */")
    print("/* Made by test_federated_golden.py: change that, not this. */")
    print("#ifndef TESTS_ALIGNMENT_TEST_FEDERATED_GOLDEN_H\n#define TESTS_ALIGNMENT_TEST_FEDERATED_GOLDEN_H\n")
    print(f"enum {{ GOLDEN_K = {K}, GOLDEN_ROUNDS = {ROUNDS}, GOLDEN_N = {N}, GOLDEN_DX = {DX} }};")
    print(f"static const double golden_sigma2 = {SIGMA2}, golden_p = {P}, golden_rho = {RHO};")
    arrays = {"x": x, "f0": f0}
    for k in range(3):
        arrays[f"y{k}"], arrays[f"h{k}"] = y[k], h[k]
    for white in (True, False):
        cx, cy = complexify(x), [complexify(a) for a in y]
        if white:
            cx, cy = whiten(cx), [whiten(a) for a in cy]
        for method in ("mean", "joint", "wiener"):
            f, z, gs, obj_round, obj_dep = rounds(method, cx, cy, h, f0)
            name = f"{method}_{'white' if white else 'plain'}"
            arrays |= {f"{name}_f": f, f"{name}_z": z, f"{name}_g0": gs[0], f"{name}_round": obj_round,
                       f"{name}_dep": obj_dep}
    for name, a in arrays.items():
        print(f"static const double golden_{name}[] = {{{numbers(a)}}};")
    print("\n#endif")


main()
