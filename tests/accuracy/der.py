"""
Diarization error rate (NIST 2006): the time that is missed, falsely found or given to the wrong speaker, over the time that is
spoken, after the best one-to-one mapping of speakers. Overlap counts for each speaker in it. Standard library only.
"""

import sys
from collections import defaultdict


def read_rttm(path):
    """[(start, end, speaker)] of an RTTM file."""
    turns = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields and fields[0] == "SPEAKER":
                start, length = float(fields[3]), float(fields[4])
                turns.append((start, start + length, fields[7]))
    return turns


def assignment(gain):
    """The columns of the largest sum, one for each row (a square matrix): Kuhn and Munkres by shortest paths."""
    n = len(gain)
    rows, columns, owner = [0.0] * (n + 1), [0.0] * (n + 1), [0] * (n + 1)  # potentials; row of a column; 0: none
    for row in range(1, n + 1):
        owner[0], at = row, 0
        least, way, done = [float("inf")] * (n + 1), [0] * (n + 1), [False] * (n + 1)
        while owner[at]:
            done[at] = True
            step, following = float("inf"), 0
            for j in range(1, n + 1):
                if done[j]:
                    continue
                cost = -gain[owner[at] - 1][j - 1] - rows[owner[at]] - columns[j]
                if cost < least[j]:
                    least[j], way[j] = cost, at
                if least[j] < step:
                    step, following = least[j], j
            for j in range(n + 1):
                if done[j]:
                    rows[owner[j]] += step
                    columns[j] -= step
                else:
                    least[j] -= step
            at = following
        while at:
            owner[at], at = owner[way[at]], way[at]
    chosen = [0] * n
    for j in range(1, n + 1):
        chosen[owner[j] - 1] = j - 1
    return chosen


def regions(reference, found, duration, collar):
    """(length, speakers of the reference, speakers found) of each stretch in which nothing changes and which is scored."""
    edges = {0.0, duration}
    events = defaultdict(list)
    for which, turns in enumerate((reference, found)):
        for start, end, speaker in turns:
            start, end = max(0.0, start), min(duration, end)
            if start >= end:
                continue
            events[start].append((1, which, speaker))
            events[end].append((-1, which, speaker))
            edges.update((start, end))
    for start, end, _ in reference if collar else ():
        for edge in (start, end):
            low, high = max(0.0, edge - collar), min(duration, edge + collar)
            if low < high:
                events[low].append((1, 2, None))
                events[high].append((-1, 2, None))
                edges.update((low, high))
    active = (defaultdict(int), defaultdict(int), defaultdict(int))
    edges = sorted(edge for edge in edges if 0 <= edge <= duration)
    for edge, following in zip(edges, edges[1:]):
        for change, which, speaker in events[edge]:
            active[which][speaker] += change
        if active[2][None] == 0:
            yield following - edge, {s for s, n in active[0].items() if n}, {s for s, n in active[1].items() if n}


def score(reference, found, duration, collar=0.0):
    """Seconds: {"total", "missed", "false", "confused"}. collar: left out on both sides of each edge of a reference turn."""
    stretches = list(regions(reference, found, duration, collar))
    ours, theirs = sorted({s for _, _, t in stretches for s in t}), sorted({s for _, r, _ in stretches for s in r})
    size = max(len(ours), len(theirs), 1)
    gain = [[0.0] * size for _ in range(size)]
    for length, real, heard in stretches:
        for r in real:
            for h in heard:
                gain[theirs.index(r)][ours.index(h)] += length
    partner = {theirs[r]: ours[c] for r, c in enumerate(assignment(gain)) if r < len(theirs) and c < len(ours)}
    sums = {"total": 0.0, "missed": 0.0, "false": 0.0, "confused": 0.0}
    for length, real, heard in stretches:
        right = sum(partner.get(r) in heard for r in real)
        sums["total"] += length * len(real)
        sums["missed"] += length * max(0, len(real) - len(heard))
        sums["false"] += length * max(0, len(heard) - len(real))
        sums["confused"] += length * (min(len(real), len(heard)) - right)
    return sums


def rate(scores):
    """Per cent over one or more results of score()."""
    wrong = sum(s["missed"] + s["false"] + s["confused"] for s in scores)
    total = sum(s["total"] for s in scores)
    return 100 * wrong / total if total else (0.0 if wrong == 0 else float("inf"))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: der.py REFERENCE.rttm FOUND.rttm SECONDS   prints the error rate without and with a collar of 0.25 s")
    given, heard = read_rttm(sys.argv[1]), read_rttm(sys.argv[2])
    print(*(f"{rate([score(given, heard, float(sys.argv[3]), collar)]):.2f}" for collar in (0.0, 0.25)))
