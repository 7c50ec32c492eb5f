#!/usr/bin/env python3
"""
ten_hours.py SOTTO MODEL [--hours 10] [--pause 20] [--kills 3] [--limit 400] RECORDING...

A recording of many hours, made of RECORDINGs joined with silences, is transcribed: killed at random moments, gone on with, run
to its end. A RECORDING is a WAV file (mono, 16 bit), anything that the ffmpeg program reads, or a manifest (a .tsv file with the columns path,
lang, seconds and ref), which stands for its English recordings of speech from ten seconds to two minutes. Memory must stay under the limit
(MiB), what was finished before a kill must be on disk, and no finished chunk may be decoded again. Exit status 1 if not.
"""

import argparse
import array
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import wave

RATE = 8000  # half of what speech detection hears, and an eighth of the disk


def expand(paths):
    """The recordings that are meant."""
    csv.field_size_limit(1 << 24)
    for path in paths:
        if not path.endswith(".tsv"):
            yield path
            continue
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["lang"] == "en" and row["ref"].strip() and 10 <= float(row["seconds"]) <= 120:
                    yield os.path.join(os.path.dirname(path), row["path"])


def from_wave(path):
    """A WAV file's samples if it is a plain one: read without any program."""
    try:
        with wave.open(path) as file:
            if file.getnchannels() != 1 or file.getsampwidth() != 2 or file.getframerate() % RATE:
                return None
            step = file.getframerate() // RATE
            samples = array.array("h", file.readframes(file.getnframes()))
    except wave.Error:
        return None
    return bytes(128 + sum(samples[i:i + step]) // step // 256 for i in range(0, len(samples) - step, step))


def bytes_of(path):
    """A recording as 8 bit samples at 8 kHz."""
    plain = from_wave(path) if path.endswith(".wav") else None
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-f", "u8", "-ac", "1", "-ar", str(RATE), "-"]
    return plain or subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def make(path, recordings, hours, pause, chance):
    sounds = [bytes_of(recording) for recording in expand(recordings)]
    left = int(hours * 3600 * RATE)
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(RATE)
        while left > 0:
            for piece in (chance.choice(sounds), bytes([128]) * chance.randrange(int(pause * RATE) + 1)):
                out.writeframesraw(piece[:left])
                left -= min(left, len(piece))


def spoken(segments):
    """Seconds under the segments' text; what overlaps counts once."""
    total = end = 0
    for segment in segments:
        total += max(0, segment["end"] - max(end, segment["start"]))
        end = max(end, segment["end"])
    return total


def peak(pid):
    """MiB of memory that a process has had at most; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def chunks(journal):
    """(lines of finished chunks, bytes up to the last one)."""
    try:
        with open(journal, "rb") as file:
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return []
    last = max((i for i, line in enumerate(lines) if line.startswith(b"chunk ")), default=-1)
    return lines[:last + 1]


def unescape(text):
    """A text as a journal's line has it."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), text)


def run(command, journal, stop_after):
    """Peak memory, exit status, and whether it was killed after so many new chunks."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    before, most, killed = sum(line.startswith(b"chunk ") for line in chunks(journal)), 0, False
    while process.poll() is None:
        most = max(most, peak(process.pid))
        if stop_after and sum(line.startswith(b"chunk ") for line in chunks(journal)) >= before + stop_after:
            process.kill()
            killed = True
            break
        time.sleep(0.5)
    return most, process.wait(), killed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sotto")
    parser.add_argument("model")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--pause", type=float, default=20, help="longest silence between two recordings, seconds")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--limit", type=float, default=400)
    parser.add_argument("--options", default="", help="more options of sotto transcribe, separated by spaces")
    arguments = parser.parse_args()
    chance = random.Random(1)
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        recording, out = os.path.join(folder, "long.wav"), os.path.join(folder, "out")
        make(recording, arguments.recordings, arguments.hours, arguments.pause, chance)
        journal = os.path.join(out, "long.partial")
        command = [arguments.sotto, "transcribe", recording, "-m", arguments.model, "-l", "en", "-f", "json", "-o", out, "-q", "--resume",
                   *arguments.options.split()]
        started, most = time.monotonic(), 0
        for kill in range(arguments.kills):
            known = chunks(journal)
            memory, _, killed = run(command, journal, chance.randrange(5, 60))
            most = max(most, memory)
            found = chunks(journal)
            kept = killed and found[:len(known)] == known and len(found) > len(known)
            broken += not kept
            print(f"{'ok' if kept else 'BROKEN':8}killed {kill + 1} times: {sum(line.startswith(b'chunk ') for line in found)} chunks on disk", flush=True)
        known = chunks(journal)
        memory, status, _ = run(command, journal, 0)
        most = max(most, memory)
        seconds = time.monotonic() - started
        result = {}
        if status == 0:
            with open(os.path.join(out, "long.json"), encoding="utf-8") as file:
                result = json.load(file)
        whole = status == 0 and abs(result["duration"] - arguments.hours * 3600) < 0.1 and not os.path.exists(journal)
        texts = [segment["text"] for segment in result.get("segments", [])]
        kept = [line.split(b"\t", 1)[1].decode(errors="replace") for line in known if line.startswith(b"segment ")]
        same = len(texts) >= len(kept) and all(text == old for text, old in zip(texts, map(unescape, kept)) if old.isascii())
        ordered = all(a["start"] <= b["start"] for a, b in zip(result.get("segments", []), result.get("segments", [])[1:]))
        share = spoken(result.get("segments", [])) / (arguments.hours * 3600)
        words = sum(len(text.split()) for text in texts)
        for good, text in ((whole, f"{arguments.hours:g} h came to their end: {len(texts)} segments, {words} words, {share:.0%} of the time under text, "
                                   f"in {seconds:.0f} s, the kills included"),
                           (same, f"the {len(kept)} segments finished before the last kill stand as they were"),
                           (ordered, "segments are in order"),
                           (0 < most < arguments.limit, f"{most:.0f} MiB of memory at most, limit {arguments.limit:g}")):
            broken += not good
            print(f"{'ok' if good else 'BROKEN':8}{text}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
