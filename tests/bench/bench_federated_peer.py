# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench_federated_peer: the Wiener rounds of alignment/federated in numpy, from the same statistics by
# the same formulas (F T, M x M matrices).  argv: the problem's file.  A line with a number of runs in,
# "SECONDS OBJECTIVE" back.
import json
import struct
import sys
import time

import numpy as np


def read(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    head, out = json.loads(raw[8 : 8 + size]), {}
    for name, t in head.items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            v = np.frombuffer(raw[8 + size + a : 8 + size + b], "<f8").reshape(t["shape"])
            out[name] = v[..., 0] + 1j * v[..., 1] if v.ndim == 3 else v
    return out


def prepare(a):
    half = a.shape[0] // 2
    a = a[:half] + 1j * a[half:]
    a = a - a.mean(1, keepdims=True)
    return np.linalg.solve(np.linalg.cholesky(a @ a.conj().T / (a.shape[1] - 1)), a)


class Problem:
    def __init__(self, path):
        t = read(path)
        x, n = prepare(t["X"]), t["X"].shape[1]
        self.r, self.uses, self.sigma2, self.power = (n - 1) / n, int(t["K"][0]), t["sigma2"][0], t["P"][0]
        self.f0, self.energy, self.users = t["F0"], 0.0, []
        for k in range(3):
            c = prepare(t[f"Y{k}"]) @ x.conj().T / n
            h = np.kron(np.eye(self.uses), t[f"H{k}"])
            self.energy += len(c) * self.r
            few = 2 * len(c) < c.shape[1]
            self.users.append((h, c if few else None, c.conj().T @ c))

    def load(self, f):
        return [(f @ c.conj().T) @ c if c is not None else f @ t for _, c, t in self.users]

    def evaluate(self, f, fts):
        p, obj, norm2, m1, q = self.r * f @ f.conj().T, self.energy, 0.0, 0.0, 0.0
        for (h, _, _), ft in zip(self.users, fts):
            s = np.linalg.inv(h @ p @ h.conj().T + self.sigma2 * np.eye(len(h)))
            d = h @ (ft @ f.conj().T) @ h.conj().T
            both = s @ d @ s
            obj -= np.vdot(s, d).real
            norm2 += np.trace(both).real
            m1 = m1 + h.conj().T @ both @ h
            q = q + (h.conj().T @ s @ h) @ ft
        return obj, norm2, m1, q

    def rounds(self, count):
        f, eye = self.f0, np.eye(len(self.f0))
        obj, norm2, m1, q = self.evaluate(f, self.load(f))
        for _ in range(count):
            f = np.linalg.solve(self.r * m1 + self.sigma2 * norm2 / self.power * eye, q)
            f = f * (np.sqrt(self.power) / np.linalg.norm(f))
            obj, norm2, m1, q = self.evaluate(f, self.load(f))
        return obj


def main():
    problem = Problem(sys.argv[1])
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            obj = problem.rounds(30)
        print(time.process_time() - start, repr(float(obj)), flush=True)


main()
