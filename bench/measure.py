"""Runs on a machine that others use too: what they took is measured, and a disturbed run is made again."""

import os
import sys
import time

from engines import Failed

NOISE = 0.04  # share of the machine that others may use before a run is repeated


def busy():
    """Seconds of processor time that the machine has spent on anything so far."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = list(map(int, file.readline().split()[1:9]))
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def uptime():
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])


def once(call, path, language):
    """One run, with `noise`: the share of the machine that went to others meanwhile."""
    before, start = busy(), uptime()
    result = call(path, language)
    wall = max(uptime() - start, 0.05)
    result["noise"] = max(0.0, busy() - before - result["cpu"]) / (wall * os.cpu_count())
    return result


def quietest(call, path, language, retries):
    """The quietest of a few tries."""
    tries = []
    while not tries or (tries[-1]["noise"] > NOISE and len(tries) <= retries):
        tries.append(once(call, path, language))
    return min(tries, key=lambda result: result["noise"])


def interleaved(engines, files, rounds, whole, retries, until, done):
    """
    {engine: {file: [run]}}. `files` is {engine: {path: language}}, since slow ones may get fewer. Who begins changes from file to file and from
    round to round, so that a machine that slows down slows all. After the moment `until` no rival begins a file. `done` is called after each file with all runs so far.
    """
    runs = {engine.key: {} for engine in engines}
    paths = list(dict.fromkeys(path for some in files.values() for path in some))
    for turn in range(rounds):
        for number, path in enumerate(paths):
            first = (turn + number) % len(engines)
            for engine in engines[first:] + engines[:first]:
                late = time.monotonic() > until and not engine.key.startswith("sotto")
                if late or path not in files[engine.key]:
                    continue
                try:
                    run = quietest(engine.whole if whole else engine.run, path, files[engine.key][path], retries)
                except Failed as error:
                    print(f"left out: {error}", file=sys.stderr)
                    continue
                runs[engine.key].setdefault(path, []).append(run)
            done(runs)
            print(f"\rround {turn + 1} of {rounds}, file {number + 1} of {len(paths)} ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return runs
