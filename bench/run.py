#!/usr/bin/env python3
"""
sotto, faster-whisper (INT8, sequential) and whisper.cpp (q8_0) with the same weights on the same recordings. The rounds are
interleaved, so that a machine that slows down slows all of them; medians are printed. Each run is one process; "run"
leaves out the time to load the model, "process" is everything from start to exit. All are greedy with temperature
fallback, English given, nothing of earlier windows fed into later ones, and use the same number of threads.
"""

import argparse
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import time
import wave

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = 300  # seconds
CLIP = (11, 30)
NOISE = 0.04  # share of the machine that others may use before a run is repeated
RETRIES = 2


class Sotto:
    name = "sotto int8"

    def __init__(self, args):
        self.args = args

    def command(self, recording):
        return [self.args.sotto, "transcribe", recording, "-m", self.args.model, "-l", "en", "-f", "json", "-q", "--threads", str(self.args.threads)]

    def read(self, out, _):
        result = json.loads(out)
        return result["timing"]["load"], result["timing"]["total"] - result["timing"]["load"], result["text"]


class FasterWhisper:
    name = "faster-whisper int8"

    def __init__(self, args):
        self.args = args

    def command(self, recording):
        return [sys.executable, os.path.join(HERE, "faster_whisper_once.py"), self.args.weights, str(self.args.threads), recording]

    def read(self, out, _):
        result = json.loads(out)
        return result["load"], result["run"], result["text"]


class WhisperCpp:
    name = "whisper.cpp q8_0"

    def __init__(self, args):
        self.args, self.folder = args, args.whisper_cpp

    def command(self, recording):
        return [f"{self.folder}/bin/whisper-cli", "-m", f"{self.folder}/base-q8_0.bin", "-t", str(self.args.threads), "-l", "en", "-bs", "1",
                "-bo", "1", "-mc", "0", "-nt", "-f", recording]

    def read(self, out, log):
        times = {name: float(ms) / 1000 for name, ms in re.findall(r"(load|total) time =\s*([\d.]+) ms", log)}
        return times["load"], times["total"] - times["load"], " ".join(out.split())


def machine_busy():
    """Seconds of processor time that the machine has spent on anything so far."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = list(map(int, file.readline().split()[1:9]))
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def run_once(engine, recording, work):
    before, start = machine_busy(), time.monotonic()
    with open(os.path.join(work, "stderr"), "w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(engine.command(recording), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        wall = time.monotonic() - start
        log.seek(0)
        text = log.read()
    if status:
        raise RuntimeError(f"{engine.name} failed on {recording}: {text[-500:]}")
    load, run, said = engine.read(out, text)
    cpu = usage.ru_utime + usage.ru_stime
    others = max(0.0, machine_busy() - before - cpu) / (wall * os.cpu_count())
    return {"process": wall, "load": load, "run": run, "cpu": cpu, "memory": usage.ru_maxrss / 1024, "noise": others, "text": said}


def run(engine, recording, work):
    """The quietest of a few tries."""
    tries = []
    while not tries or (tries[-1]["noise"] > NOISE and len(tries) <= RETRIES):
        tries.append(run_once(engine, recording, work))
    return min(tries, key=lambda result: result["noise"])


def write_wav(path, samples):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def default_recordings(data, work):
    """A clip of 11 to 30 s, and recordings joined to over five minutes; without DATA, of the demo's recording alone."""
    import numpy as np
    from faster_whisper.audio import decode_audio

    clip, long = os.path.join(work, "clip.wav"), os.path.join(work, "long.wav")
    if data:
        folder = os.path.join(data, "speech")
        csv.field_size_limit(1 << 24)
        with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["lang"] == "en" and row["ref"].strip()]
        paths = [os.path.join(folder, row["path"]) for row in rows if row["kind"] in ("libri_other", "audiobook", "read_en")]
        first = next(os.path.join(folder, row["path"]) for row in rows if CLIP[0] <= float(row["seconds"]) <= CLIP[1])
    else:
        first = os.path.join(HERE, "..", "assets", "meeting.wav")
        paths = [first] * 11
    write_wav(clip, decode_audio(first))
    parts, seconds = [], 0.0
    for path in paths:
        parts.append(decode_audio(path))
        seconds += len(parts[-1]) / 16000
        if seconds > LONG + 10:
            break
    write_wav(long, np.concatenate(parts))
    return [clip, long]


def seconds_of(recording):
    with wave.open(recording) as file:
        return file.getnframes() / file.getframerate()


def report(recording, results):
    seconds = seconds_of(recording)
    print(f"\n{os.path.basename(recording)}, {seconds:.1f} s\n{'':22}{'process s':>11}{'run s':>9}{'x real time':>22}{'CPU s':>8}{'peak MiB':>10}{'others':>8}")
    middle = {name: {key: statistics.median(r[key] for r in runs) for key in ("process", "run", "cpu", "memory", "noise")} for name, runs in results.items()}
    for name, m in middle.items():
        speeds = [seconds / r["run"] for r in results[name]]
        print(f"{name:22}{m['process']:11.2f}{m['run']:9.2f}{seconds / m['run']:8.1f} ({min(speeds):.1f}-{max(speeds):.1f})".ljust(64)
              + f"{m['cpu']:8.1f}{m['memory']:10.0f}{100 * max(r['noise'] for r in results[name]):7.0f}%")
    ours = middle[Sotto.name]
    for name, m in middle.items():
        if name != Sotto.name:
            print(f"    sotto / {name}: {m['process'] / ours['process']:.2f} x as fast as a process, {m['run'] / ours['run']:.2f} x with the model loaded")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("sotto", "model", "weights", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--whisper-cpp", default="", help="folder that rivals.sh filled; empty: no rivals")
    parser.add_argument("--data", default="", help="folder with speech/manifest.tsv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("recordings", nargs="*", help="WAV files; none: made from --data or from the demo's recording")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    recordings = args.recordings or default_recordings(args.data, args.work)
    engines = [Sotto(args)] + ([FasterWhisper(args), WhisperCpp(args)] if args.whisper_cpp else [])
    results = {recording: {engine.name: [] for engine in engines} for recording in recordings}
    for engine in engines:
        run_once(engine, recordings[0], args.work)  # files into memory
    for turn in range(args.rounds):
        for engine in engines[turn % len(engines):] + engines[:turn % len(engines)]:
            for recording in recordings:
                results[recording][engine.name].append(run(engine, recording, args.work))
        print(f"round {turn + 1} of {args.rounds}", file=sys.stderr, flush=True)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    print(f"{cpu}, {os.cpu_count()} cores, {args.threads} threads each, medians of {args.rounds} interleaved rounds")
    for recording in recordings:
        report(recording, results[recording])
    with open(os.path.join(args.work, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
