#!/usr/bin/env python3
"""
Whether sotto's speed and memory stay what they are: from ten minutes to ten hours, with one thread and two, and beside a process that keeps one
core busy. Each line gives a number, what is asked, and whether it is reached. Medians of ROUNDS interleaved runs; the ten hours run once.
"""

import argparse
import os
import statistics
import subprocess
import sys

import engines
import measure
import recordings
from report import name_of, verdict

MEMORY, CONSTANT, THREADS, BUSY = 250, 5, 1.8, 0.45
PARTS = ("threads", "busy", "hour", "day")


def line(text, reached):
    print(f"{text}: {verdict(reached)}", flush=True)


def speed(path, runs, field="run"):
    return recordings.describe(path)["seconds"] / statistics.median(run[field] for run in runs)


def others(*runs):
    return f"others took up to {100 * max(run['noise'] for some in runs for run in some):.0f} %"


def threads(args, path):
    one, two = (engines.Sotto("sotto", "sotto", args.sotto, args.model, n, False) for n in (1, 2))
    runs = {1: [], 2: []}
    for _ in range(args.rounds):
        for engine in (one, two):
            runs[engine.threads].append(measure.quietest(engine.run, path, "en", args.retries))
    ratio = speed(path, runs[2]) / speed(path, runs[1])
    line(f"two threads are {ratio:.2f} times as fast as one ({speed(path, runs[2]):.0f} and {speed(path, runs[1]):.0f} x real time, {others(*runs.values())}), asked {THREADS}", ratio >= THREADS)


def busy(args, path):
    engine = engines.Sotto("sotto", "sotto", args.sotto, args.model, 2, False)
    idle, beside = [], []
    for _ in range(args.rounds):
        idle.append(measure.quietest(engine.run, path, "en", args.retries))
        with subprocess.Popen([sys.executable, "-c", "import os\nos.sched_setaffinity(0, {0})\nwhile True: pass"]) as other:
            try:
                beside.append(measure.once(engine.run, path, "en"))
            finally:
                other.kill()
    share = speed(path, beside) / speed(path, idle)
    line(f"with one core of {os.cpu_count()} kept busy {100 * share:.0f} % of the idle speed ({speed(path, beside):.0f} of {speed(path, idle):.0f} x real time), asked {100 * BUSY:.0f} %", share >= BUSY)


def length(args, short, long, rounds):
    """Time and processor time for an hour of the long file against the short one, of which it is made."""
    engine = engines.Sotto("sotto", "sotto", args.sotto, args.model, 2, False)
    before = [measure.quietest(engine.run, short, "en", args.retries) for _ in range(rounds)]
    runs = [measure.once(engine.run, long, "en") for _ in range(rounds)]
    hours = recordings.describe(long)["seconds"] / 3600
    cpu = [3600 / speed(path, some, "cpu") for path, some in ((short, before), (long, runs))]
    wall = [3600 / speed(path, some) for path, some in ((short, before), (long, runs))]
    for what, (a, b) in (("time", wall), ("processor time", cpu)):
        line(f"{what} for an hour of audio: {a:.1f} s in {name_of(short)}, {b:.1f} s in {hours:.0f} h, {100 * (b / a - 1):+.1f} % ({others(before, runs)}), asked {CONSTANT} % at most",
             abs(b / a - 1) <= CONSTANT / 100)
    memory = max(run["memory"] for run in runs)
    line(f"peak memory on {hours:.0f} h: {memory:.0f} MiB, asked {MEMORY}", memory < MEMORY)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("sotto", "model", "work", "data"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--retries", type=int, default=2, help="of a run that others disturbed")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}: those alone")
    args = parser.parse_args()
    files = {os.path.basename(path): path for path in recordings.make(args.data, args.work)}
    short = files.get("dense.wav") or next(iter(files.values()))
    for part in args.parts or PARTS:
        if part == "threads":
            threads(args, short)
        elif part == "busy":
            busy(args, short)
        else:
            long = recordings.make(args.data, args.work, part)[0]
            length(args, short, long, args.rounds if part == "hour" else 1)
            if part == "day":
                os.remove(long)  # over a gigabyte


if __name__ == "__main__":
    main()
