#!/usr/bin/env python3
"""
sotto and its rivals with the same weights on the same recordings, in interleaved rounds, so that a machine that slows down slows all; medians
are printed, as tables in Markdown. All are greedy with their own temperature fallback, are told the language, feed no earlier text into later
windows, and use the same number of threads. Libraries keep their model loaded between recordings; with whole processes (the sets quick and
clip) each run starts anew. "Model loaded" is from the file to the text, "whole process" adds start and load.

Sets: quick (a clip and five minutes), ten (ten files of ten minutes, with word error rates), clip (11 s), files (those given).
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time

import engines as all_engines
import measure
import plan
import recordings
import report
import score

QUICK = ("fw-int8", "wcpp-q8_0")
QUICK_SECONDS = 310
RETRIES = 2
MEETING = os.path.join(all_engines.HERE, "..", "assets", "meeting.wav")


class Texts:
    """What each engine said about each file, kept from run to run: errors need no quiet machine and no second run."""

    def __init__(self, path, level):
        self.path, self.level, self.known, self.digests = path, level, {}, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.known = json.load(file)

    def _place(self, key, path):
        if path not in self.digests:
            with open(path, "rb") as file:
                self.digests[path] = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        # The reference is float32 Whisper, whatever the level of the day.
        return key if key == report.REFERENCE else key + self.level, self.digests[path]

    def get(self, key, path):
        engine, digest = self._place(key, path)
        return self.known.get(engine, {}).get(digest)

    def put(self, key, path, text):
        engine, digest = self._place(key, path)
        self.known.setdefault(engine, {})[digest] = text
        write_json(self.path, self.known)


def quick(data, work):
    """The clip, and five minutes of speech read aloud; without DATA both of the demo's recording."""
    if data:
        rows = recordings.timed(data)
        books = recordings.chosen(rows, "en", "libri_other", "audiobook", "read_en")
        first = recordings.make(data, work, "clip")[0]
    else:
        books, first = [{"id": "meeting", "path": MEETING, "ref": None}], os.path.join(work, "meeting.wav")
        if not os.path.exists(first):
            recordings.write(first, "en", books, 0, 1)
    long = os.path.join(work, "five-minutes.wav" if data else "meeting-five-minutes.wav")
    if not os.path.exists(long):
        recordings.write(long, "en", books, 0, QUICK_SECONDS)
    return [first, long]


def chosen_engines(args, found):
    if args.rivals == "no":
        wanted = []
    elif args.rivals == "all":
        wanted = [key for key in found if not key.startswith("sotto")]
    elif args.rivals:
        wanted = args.rivals.split(",")
    else:
        wanted = [key for key in (QUICK if args.set == "quick" else found) if not key.startswith("sotto")]
    for key in wanted:
        if key not in found:
            sys.exit(f"no rival {key}; there are {', '.join(found)}")
    ours = ["sotto"] + (["sotto-words"] if args.set == "ten" and not args.level else [])
    return [found[key] for key in ours + wanted]


def machine(args):
    about = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            about.setdefault(name.strip(), value.strip())
    cpu = about.get("model name", "unknown processor")
    if "cpu family" in about:
        cpu += f" (family {about['cpu family']}, model {about['model']})"
    held = f", all held to {args.level.upper()}" if args.level else ""
    return f"{cpu}, {os.cpu_count()} cores, {args.threads} threads each{held}, {args.rounds} interleaved round{'s' if args.rounds > 1 else ''}"


def complete_texts(texts, reference, about):
    """The reference's text of each file whose words are known, from its cache where it is there."""
    for path, what in about.items():
        if reference and score.scored(what) and texts.get(reference.key, path) is None:
            print(f"float32 Whisper on {report.name_of(path)}, for its errors alone", file=sys.stderr, flush=True)
            texts.put(reference.key, path, reference.run(path, what["language"])["text"])
    if reference:
        reference.stop()


def results_path(args):
    return os.path.join(args.work, f"results-{args.set}{args.level}.json")


def write_json(path, value):
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
    os.replace(path + ".part", path)


def presented(args, kept, about, texts):
    """The tables of a run; the errors go into its results, from which the picture is drawn."""
    keys = [key for key, some in kept["runs"].items() if some]
    said = {key: {path: texts.get(key, path) for path in about if texts.get(key, path) is not None} for key in {*keys, report.REFERENCE}}
    results = report.Results(about, kept["runs"], said, kept["names"])
    if args.set != "ten":
        lines = results.processes()
    else:
        lines = results.summary() + [""] + results.by_file() + [""] + results.targets(args.level)
        kept["errors"] = {key: results.errors(key) for key in said}
        write_json(results_path(args), kept)
    return kept["machine"] + "\n\n" + "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("sotto", "model", "weights", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", choices=("quick", "ten", "clip", "files"), default="quick")
    parser.add_argument("--data", default="", help="folder with speech/manifest.tsv")
    parser.add_argument("--installed", default="", help="folder that rivals.sh filled")
    parser.add_argument("--rivals", default="", help="`all`, `no`, or keys separated by commas (default: two for quick, else those installed)")
    parser.add_argument("--level", choices=("", "avx2"), default="", help="the highest level of instructions for all")
    parser.add_argument("--only", default="", help="of the set's files those with these names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=0, help="time to spend at most: the slowest rivals get fewer files (0: any)")
    parser.add_argument("--retries", type=int, default=RETRIES, help="of a run that others disturbed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--estimate", action="store_true", help="say how long it would take, and stop")
    parser.add_argument("--report", action="store_true", help="print the tables of the last run of this set and level again")
    parser.add_argument("--texts", action="store_true", help="only take down what the rivals say, for their errors; no speed")
    parser.add_argument("recordings", nargs="*", help="WAV files")
    args = parser.parse_args()
    if args.recordings:
        args.set = "files"
    if args.set in ("ten", "clip") and not args.data:
        parser.error(f"the set {args.set} is made from recordings: DATA=dir")
    return args


def main():
    args = arguments()
    os.makedirs(args.work, exist_ok=True)
    paths = args.recordings or (quick(args.data, args.work) if args.set == "quick" else recordings.make(args.data, args.work, args.set))
    if args.only:
        paths = [path for path in paths if report.name_of(path) in args.only.split(",")]
    about = {path: recordings.describe(path) for path in paths}
    found = all_engines.engines(args.sotto, args.model, args.weights, args.installed, args.threads, args.level == "avx2")
    chosen = chosen_engines(args, found)
    texts = Texts(os.path.join(args.work, "texts.json"), args.level)
    if args.texts:
        for engine in chosen:
            for path, what in about.items():
                if texts.get(engine.key, path) is None:
                    texts.put(engine.key, path, engine.run(path, what["language"])["text"])
            engine.stop()
        return

    place = results_path(args)
    if args.report:
        with open(place, encoding="utf-8") as file:
            kept = json.load(file)
        print(presented(args, kept, {path: what for path, what in about.items() if path in kept["seconds"]}, texts))
        return

    speeds = plan.Speeds(os.path.join(args.work, f"speeds{args.level}.json"))
    lengths, keys = [what["seconds"] for what in about.values()], [engine.key for engine in chosen]
    count = plan.fitted(speeds, keys, lengths, args.rounds, 60 * args.minutes)
    cost = plan.seconds(speeds, keys, lengths, count, args.rounds)
    print(f"about {sum(cost.values()) / 60:.0f} minutes: " + ", ".join(f"{key} {count[key]} files {cost[key]:.0f} s" for key in keys), file=sys.stderr, flush=True)
    if args.estimate:
        return
    files = {key: {path: about[path]["language"] for path in paths[: count[key]]} for key in keys}
    whole = args.set in ("quick", "clip", "files")
    for engine in list(chosen):  # files into memory, models loaded
        try:
            measure.once(engine.whole if whole else engine.run, min(paths, key=lambda path: about[path]["seconds"]) if whole else MEETING, "en")
        except all_engines.Failed as error:
            print(f"{engine.name} does not run here: {error}", file=sys.stderr)
            chosen.remove(engine)

    kept = {"machine": machine(args), "names": {engine.key: engine.name for engine in chosen}, "seconds": {path: what["seconds"] for path, what in about.items()}, "errors": {}}

    def save(runs):
        kept["runs"] = {key: {path: [{k: v for k, v in run.items() if k != "text"} for run in some] for path, some in one.items()} for key, one in runs.items()}
        for key, some in runs.items():
            for path, of_path in some.items():
                texts.put(key, path, of_path[-1]["text"])
        write_json(place, kept)

    until = time.monotonic() + 60 * plan.LATE * args.minutes if args.minutes else math.inf
    runs = measure.interleaved(chosen, files, args.rounds, whole, args.retries, until, save)
    for engine in chosen:
        engine.stop()
    for key, some in runs.items():
        if some and not whole:
            speeds.learn(key, sum(about[path]["seconds"] for path in some) / sum(of_path[-1]["run"] for of_path in some.values()))
    if args.set == "ten":
        complete_texts(texts, found.get(report.REFERENCE), about)
    print(presented(args, kept, about, texts))


if __name__ == "__main__":
    main()
