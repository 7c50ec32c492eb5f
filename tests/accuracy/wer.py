#!/usr/bin/env python3
"""
wer.py SOTTO WEIGHTS DATA OUT

Word error rates of sotto in float32 and INT8 beside faster-whisper in float32, from the same weights, on the recordings
of DATA/speech/manifest.tsv; at temperature 0, then with temperature fallback. Differences come with their paired
bootstrap interval: recordings are drawn again with replacement, the same draw for both engines. Exit status 1 if a limit
is broken. OUT keeps every transcript.
"""

import os
import sys
from collections import defaultdict

import numpy as np

from transcripts import Rival, by_sotto, read_manifest
from words import errors

DRAWS, SEED = 2000, 1
POOLED_LIMIT = {"f32": 0.3, "int8": 0.5}  # points over faster-whisper, all English at temperature 0
KIND_LIMIT, KIND_WORDS = 1.5, 300
RIVAL = "faster-whisper"


def rate(counts):
    total = counts.sum(axis=0)
    return 100 * total[0] / total[1] if total[1] else float("nan")


def interval(a, b):
    """Difference of the rates of a and b ([recordings][errors, words]) in points, and its 95 % interval."""
    random = np.random.default_rng(SEED)
    draws = random.integers(0, len(a), (DRAWS, len(a)))
    words = np.maximum(a[draws, 1].sum(axis=1), 1)
    differences = 100 * (a[draws, 0].sum(axis=1) - b[draws, 0].sum(axis=1)) / words
    low, high = np.percentile(differences, (2.5, 97.5))
    return rate(a) - rate(b), low, high


def groups(rows):
    """{label: indices of rows}: each kind and language, then all English, the characters, the other languages."""
    found = defaultdict(list)
    for i, row in enumerate(rows):
        found[f"{row['kind']} {row['lang']}"].append(i)
    pools = {"ALL English": [], "ALL Chinese, Japanese (characters)": [], "ALL other languages": []}
    for i, row in enumerate(rows):
        if row["ref"].strip():
            pools["ALL English" if row["lang"] == "en" else "ALL Chinese, Japanese (characters)" if row["lang"] in ("zh", "ja")
                  else "ALL other languages"].append(i)
    return {**dict(sorted(found.items())), **{label: rows for label, rows in pools.items() if rows}}


def table(rows, counts, title):
    print(f"\n{title}\n{'':36}{'files':>6}{'words':>7}" + "".join(f"{name:>16}" for name in counts) + "   f32 - rival (95 %)     INT8 - rival (95 %)")
    for label, indices in groups(rows).items():
        some = {name: c[indices] for name, c in counts.items()}
        words = int(some[RIVAL][:, 1].sum())
        if not words:
            print(f"{label:36}{len(indices):6}{words:7}" + "".join(f"{int(c[:, 0].sum()):9} errors" for c in some.values()))
            continue
        line = f"{label:36}{len(indices):6}{words:7}" + "".join(f"{rate(c):15.2f}%" for c in some.values())
        for name in ("f32", "int8"):
            line += "   {:+5.2f} [{:+5.2f}, {:+5.2f}]".format(*interval(some[name], some[RIVAL]))
        print(line)


def check(rows, counts):
    """Print each limit and whether it holds; returns how many are broken."""
    broken = 0
    print("\nlimits, at temperature 0")
    for label, indices in groups(rows).items():
        words = int(counts[RIVAL][indices, 1].sum())
        pooled = label == "ALL English"
        if not pooled and (label.startswith("ALL") or words <= KIND_WORDS):
            continue
        for name in ("f32", "int8"):
            limit = POOLED_LIMIT[name] if pooled else KIND_LIMIT
            difference, low, high = interval(counts[name][indices], counts[RIVAL][indices])
            good = difference <= limit
            broken += not good
            print(f"{'ok' if good else 'BROKEN':8}{name:5} {label}: {difference:+.2f} points over {RIVAL} [{low:+.2f}, {high:+.2f}], limit {limit:+.1f}")
    return broken


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sotto, weights, data, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    rows = read_manifest(data)
    rival = Rival(weights, os.path.join(out, "rival.json"))
    broken = 0
    for fallback in (False, True):
        texts = {RIVAL: rival.transcribe(rows, fallback), "f32": by_sotto(sotto, rows, "f32", fallback),
                 "int8": by_sotto(sotto, rows, "int8", fallback)}
        counts = {}
        for name, found in texts.items():
            counts[name] = np.array([errors(row["ref"], found.get(row["id"], ""), row["lang"]) for row in rows])
            with open(os.path.join(out, f"{name}-{'fallback' if fallback else 'greedy'}.tsv"), "w", encoding="utf-8") as file:
                file.writelines(f"{row['id']}\t{' '.join(found.get(row['id'], '').split())}\n" for row in rows)
        table(rows, counts, f"Whisper base, word error rate, {'with temperature fallback' if fallback else 'greedy at temperature 0'}")
        broken += 0 if fallback else check(rows, counts)
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
