#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a linear code would reach on CIFAR-10: the yardstick of docs/MODELS.md, "image32".

    klt_bound.py data_batch_1.bin.xz [data_batch_2.bin.xz ...]     (.bin too; needs numpy)

The Karhunen-Loeve transform of whole pictures, fitted to the files' pictures; the n strongest of 3072
coefficients, or fewer, on n real channel uses with power p_i by water-filling, E p = 1:

    D = (sum_i lambda_i / (1 + p_i g) + sum of the rest) / 3072,   p_i = max(0, sqrt(lambda_i / (mu g)) - 1/g)

g = 1 / (10^(-SNR/10) + q), with q = 4/42/6 the quantisation noise of 64-QAM per unit of energy (two axes of
step 2/sqrt(42)), taken as if it were independent.  "gauss": distortion-rate function of a Gaussian source with these
variances at the channel's capacity, without quantisation: what no code for such a source can pass.
"""
import lzma
import sys

import numpy as np


def pictures(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8).reshape(-1, 3073)[:, 1:].astype(np.float32) / 255


def bisect(too_much, low, high):
    for _ in range(200):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if too_much(middle) else (low, middle)
    return middle


def linear(variances, n, g):
    best = np.inf
    for k in range(32, n + 1, 32):
        sent = variances[:k]

        def power(mu):
            return np.maximum(0, np.sqrt(sent / (mu * g)) - 1 / g)

        mu = bisect(lambda mu: power(mu).sum() > n, 1e-12, 1e3)
        best = min(best, (sent / (1 + power(mu) * g)).sum() + variances[k:].sum())
    return -10 * np.log10(best / variances.size)


def gauss(variances, n, g):
    bits = n / 2 * np.log2(1 + g)
    level = bisect(lambda t: 0.5 * np.log2(np.maximum(variances / t, 1)).sum() > bits, 1e-12, 10)
    return -10 * np.log10(np.minimum(variances, level).sum() / variances.size)


def main(paths):
    data = np.concatenate([pictures(path) for path in paths])
    data -= data.mean(0)
    covariance = (data.T @ data / len(data)).astype(np.float64)
    variances = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 1e-12)
    print("k/n    SNR  linear  with 64-QAM  gauss   (PSNR in dB)")
    for symbols, name in ((256, "1/12"), (512, "1/6"), (1024, "1/3")):
        for snr_db in range(0, 30, 5):
            noise = 10 ** (-snr_db / 10)
            print("%-5s %4d  %6.2f  %11.2f  %5.2f" %
                  (name, snr_db, linear(variances, 2 * symbols, 1 / noise),
                   linear(variances, 2 * symbols, 1 / (noise + 4 / 42 / 6)),
                   gauss(variances, 2 * symbols, 1 / noise)))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
