#!/usr/bin/env python3
"""
diarize.py SOTTO MODEL TENSORS RECORDING [ROUNDS]   Whole recordings: who spoke, on one core, beside the same pipeline in Python with ONNX
Runtime; then text and speakers together on two. The rounds are interleaved, the rival has one. A short recording is repeated up to
five minutes. Times are those of whole processes, the rival's without its start.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST = 300  # seconds
RATE = 16000


def rival(tensors, path, fast):
    """In a process of its own: prints the seconds that the pipeline took."""
    import numpy as np
    sys.path.insert(0, os.path.join(HERE, "..", "tests", "accuracy"))
    import diarize_reference
    networks = diarize_reference.Networks(tensors)
    with wave.open(path) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768
    networks.activity(samples[: 10 * RATE], RATE)
    start = time.perf_counter(), time.process_time()
    diarize_reference.diarize(networks, samples, fast)
    print(time.perf_counter() - start[0], time.process_time() - start[1])


def make(path, recording):
    command = ["ffmpeg", "-v", "error", "-i", recording, "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    sound *= 1 if len(sound) >= 2 * RATE * LEAST else -(-2 * RATE * LEAST // len(sound))
    with wave.open(path, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(sound)
    return len(sound) / 2 / RATE


def run(command, cores):
    """(seconds, seconds of processor) of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if command[0] == sys.executable:
        return tuple(map(float, done.stdout.split()))
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    sotto, model, tensors, recording = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    cores = sorted(os.sched_getaffinity(0))
    one, two = set(cores[:1]), set(cores[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "long.wav")
        length = make(path, recording)
        jobs = {}
        for speed in ("accurate", "fast"):
            speakers = [sotto, "diarize", path, "-q", "--threads", "1", "--diarize-speed", speed]
            jobs[f"who spoke, {speed}, one core"] = (speakers, one, rounds)
            jobs[f"the same, Python and ONNX Runtime, {speed}"] = ([sys.executable, os.path.abspath(__file__), "rival", tensors, path, speed], one, 1)
        for speed in ("accurate", "fast"):
            jobs[f"text and speakers, {speed}, {len(two)} cores"] = (
                [sotto, "transcribe", path, "-m", model, "-l", "en", "-q", "--threads", str(len(two)), "--diarize", "--diarize-speed", speed], two, rounds)
        times = {name: [] for name in jobs}
        for i in range(rounds):
            for name, (command, where, most) in jobs.items():
                if i < most:
                    times[name].append(run(command, where))
    print(f"{f'{length:.0f} s, medians of {rounds} rounds, times real time':48}{'by the clock':>14}{'range':>14}{'by processor':>14}")
    for name, pairs in times.items():
        clock, processor = ([length / pair[i] for pair in pairs] for i in (0, 1))
        spread = f"{min(clock):.1f}-{max(clock):.1f}"
        print(f"{name:48}{statistics.median(clock):14.1f}{spread:>14}{statistics.median(processor):14.1f}")


if __name__ == "__main__":
    if sys.argv[1] == "rival":
        rival(sys.argv[2], sys.argv[3], sys.argv[4] == "fast")
    else:
        main()
