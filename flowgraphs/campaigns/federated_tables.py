#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tables of docs/FEDERATED.md out of the CSV files of federated.sh.
#
#     /usr/bin/python3 flowgraphs/campaigns/federated_tables.py sweep|captured|rounds|points FOLDER
import csv
import math
import os
import sys

NAMES = {
    "mean": "mean (published)", "first-k": "first-k", "top-k": "top-k, indices paid",
    "top-k-free": "top-k, indices free (no system)", "multi": "multi-link (air time x users)",
    "multi-wide-raw": "multi-link, widely linear, raw (air time x users)", "joint": "joint", "wiener": "wiener",
    "wiener-random": "wiener, random start", "one-shot": "one-shot", "wiener-raw": "wiener, raw",
    "mean-wide-raw": "mean, widely linear, raw", "joint-wide-raw": "joint, widely linear, raw",
    "wiener-wide-raw": "**wiener, widely linear, raw**", "wiener-wide-task": "**wiener, widely linear, raw and logits**",
    "one-shot-wide-task": "one-shot, widely linear, raw and logits", "one-shot-wide-raw": "one-shot, widely linear, raw",
}


def read(name):
    path = os.path.join(sys.argv[2], name + ".csv")
    return list(csv.DictReader(open(path))) if os.path.exists(path) else []


def mean(rows, key):
    values = [float(r[key]) for r in rows]
    return sum(values) / len(values)


def half_width(rows, key):
    """95 % of the mean over seeds: each seed's own mean counts once."""
    seeds = {}
    for r in rows:
        seeds.setdefault(r["seed"], []).append(float(r[key]))
    m = [sum(v) / len(v) for v in seeds.values()]
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57}.get(len(m))
    if t is None:
        return float("nan")
    c = sum(m) / len(m)
    return t * math.sqrt(sum((x - c) ** 2 for x in m) / (len(m) - 1) / len(m))


def order(rows):
    return list(dict.fromkeys(r["method"] for r in rows))


def table(head, lines):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def sweep():
    for name in ("unlike", "alike", "clothes"):
        rows = read(name)
        if not rows:
            continue
        counts = {m: sum(r["method"] == m for r in rows) for m in order(rows)}
        print(f"{name}: {rows[0]['ap']} to {rows[0]['users']}; points a method: {min(counts.values())} to "
              f"{max(counts.values())}\n")
        lines = []
        for m in order(rows):
            own = [r for r in rows if r["method"] == m]
            lines.append([NAMES[m], f"{mean(own, 'nmse'):.3f} ± {half_width(own, 'nmse'):.3f}",
                          f"{100 * mean(own, 'accuracy'):.1f} ± {100 * half_width(own, 'accuracy'):.1f}",
                          f"{mean(own, 'nmse_fit'):.3f}"])
        table(["method", "NMSE", "accuracy, %", "NMSE on the aligned samples"], lines)
        for key, what in (("K", "K"), ("antennas", "antennas")):
            values = sorted({int(r[key]) for r in rows})
            lines = [[NAMES[m]] + [
                f"{mean(own, 'nmse'):.3f}, {100 * mean(own, 'accuracy'):.1f}"
                for v in values if (own := [r for r in rows if r["method"] == m and int(r[key]) == v])]
                for m in order(rows)]
            table(["method"] + [f"{what} = {v}" for v in values], lines)


def captured():
    rows = read("snr")
    place = lambda r: (r["K"], r["antennas"], r["snr_db"], r["seed"])
    best = {m: {place(r): float(r["energy"]) - float(r["obj"]) for r in rows if r["method"] == m}
            for m in ("optimum", "optimum-wide-raw")}
    snrs = sorted({float(r["snr_db"]) for r in rows})
    lines, scores = [], []
    for m in order(rows):
        if m.startswith("optimum"):
            continue
        top = best["optimum-wide-raw" if m.endswith("wide-raw") else "optimum"]
        cells, points = [NAMES[m]], [NAMES[m]]
        for s in snrs:
            own = [r for r in rows if r["method"] == m and float(r["snr_db"]) == s]
            share = [(float(r["energy"]) - float(r["obj"])) / top[place(r)] for r in own if place(r) in top]
            cells.append(f"{sum(share) / len(share):.3f} ({min(share):.3f})" if share else "")
            points.append(f"{mean(own, 'nmse'):.3f}, {100 * mean(own, 'accuracy'):.1f}" if own else "")
        lines.append(cells)
        scores.append(points)
    head = ["method"] + [f"{s:g} dB" for s in snrs]
    table(head, lines)
    table(head, scores)


def rounds():
    rows = read("rounds")
    for s in sorted({float(r["snr_db"]) for r in rows}):
        here = [r for r in rows if float(r["snr_db"]) == s]
        values = sorted({int(r["rounds"]) for r in here})
        print(f"{s:g} dB\n")
        lines = []
        for m in order(here):
            own = [[r for r in here if r["method"] == m and int(r["rounds"]) == v] for v in values]
            lines.append([NAMES[m], f"{mean(own[0], 'bytes_up') / 1e3:.1f} kB" + (", once" if m.startswith("one") else "")]
                         + [f"{mean(o, 'nmse'):.3f}, {100 * mean(o, 'accuracy'):.1f}" if o else "" for o in own])
        table(["method", "a user sends a round"] + [f"{v} round" + "s" * (v > 1) for v in values], lines)
        first = {r["seed"]: 1 for r in here}
        lines = []
        for m in order(here):
            cells = [NAMES[m]]
            for v in values:
                own = [r for r in here if r["method"] == m and int(r["rounds"]) == v]
                long = next((w for w in ("wide-raw", "wide-task") if m.endswith(w)), "")
                ends = {r["seed"]: r for r in here
                        if r["method"] == "wiener" + ("-" + long if long else "") and int(r["rounds"]) == values[-1]}
                share = [(float(r["energy"]) - float(r["obj"])) / (float(ends[r["seed"]]["energy"]) - float(ends[r["seed"]]["obj"]))
                         for r in own if r["seed"] in ends]
                cells.append(f"{sum(share) / len(share):.3f}" if share else "")
            lines.append(cells)
        print(f"Share of the gain of {values[-1]} Wiener rounds; {len(first)} seeds:\n")
        table(["method"] + [f"{v} round" + "s" * (v > 1) for v in values], lines)


def points():
    rows = read("points")
    places = sorted({(int(r["K"]), float(r["snr_db"])) for r in rows})
    lines = []
    for m in order(rows):
        for p in ("0", "1"):
            cells = [NAMES[m] + (", 64-QAM points" if p == "1" else "")]
            for k, s in places:
                own = [r for r in rows if r["method"] == m and r["points"] == p and (int(r["K"]), float(r["snr_db"])) == (k, s)]
                cells.append(f"{mean(own, 'nmse'):.3f}, {100 * mean(own, 'accuracy'):.1f}" if own else "")
            lines.append(cells)
    table(["method"] + [f"K = {k}, {s:g} dB" for k, s in places], lines)


{"sweep": sweep, "captured": captured, "rounds": rounds, "points": points}[sys.argv[1]]()
