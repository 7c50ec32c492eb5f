"""Tables in Markdown of what run.py measured, and the targets with what was reached of each."""

import os
import statistics

import score

# A rival's keys, and how many times as fast as the fastest of them sotto is to be.
TARGETS = (("OpenVINO GenAI", ("ov-int8",), 3), ("faster-whisper in batches", ("fw-int8-b8", "fw-int8-b16", "fw-f32-b8"), 4),
           ("whisper.cpp", ("wcpp-f16", "wcpp-q8_0"), 7))
REAL_TIME, WITH_WORDS, POINTS, CLIP_SHARE = 220, 180, 0.5, 0.2
REFERENCE = "fw-f32"


def name_of(path):
    return os.path.basename(path).rsplit(".", 1)[0]


def span(values, digits=0):
    """Median and range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def verdict(reached):
    return "reached" if reached else "not reached"


class Results:
    """`about` is {path: what recordings.describe says}, `runs` {engine: {path: [run]}}, `texts` {engine: {path: text}}, `names` {engine: name}."""

    def __init__(self, about, runs, texts, names):
        self.about, self.runs, self.texts, self.names = about, {key: some for key, some in runs.items() if some}, texts, names

    def value(self, key, path, field):
        return statistics.median(run[field] for run in self.runs[key][path])

    def speed(self, key, path, field="run"):
        return self.about[path]["seconds"] / self.value(key, path, field)

    def speeds(self, key, field="run"):
        return [self.speed(key, path, field) for path in self.runs[key]]

    def ratios(self, ours, theirs, field="run"):
        return [self.value(theirs, path, field) / self.value(ours, path, field) for path in self.runs[theirs] if path in self.runs[ours]]

    def counts(self, key, language=None):
        """{file: {recording: [errors, words]}} where it is known what was said."""
        return {path: score.count(self.about[path], text) for path, text in self.texts.get(key, {}).items()
                if score.scored(self.about[path]) and language in (None, self.about[path]["language"])}

    def errors(self, key, language=None):
        """None, or (words, error rate, reference's rate on the same files or None, (difference, low, high) or None)."""
        ours, theirs = self.counts(key, language), self.counts(REFERENCE, language)
        if not ours:
            return None
        pool = score.pooled(ours.values())
        same = {path: counts for path, counts in theirs.items() if path in ours}
        rate, words = score.rate(pool), sum(words for _, words in pool.values())
        if len(same) < len(ours) or key == REFERENCE:
            return words, rate, None, None
        other = score.pooled(same.values())
        return words, rate, score.rate(other), score.interval(pool, other)

    def summary(self):
        """One row for each engine over all files."""
        total = max(len(some) for some in self.runs.values())
        lines = ["| engine | files | x real time, model loaded | x real time, whole process | word errors | over float32 Whisper, points | CPU s per hour | peak MiB | others |",
                 "|---|---|---|---|---|---|---|---|---|"]
        for key, some in self.runs.items():
            found = self.errors(key)
            wrong = f"{found[1]:.1f} %" if found else ""
            over = "{:+.2f} [{:+.2f}, {:+.2f}]".format(*found[3]) if found and found[3] else ""
            seconds = sum(self.about[path]["seconds"] for path in some)
            cpu = 3600 * sum(self.value(key, path, "cpu") for path in some) / seconds
            peak = max(run["memory"] for runs in some.values() for run in runs)
            noise = max(run["noise"] for runs in some.values() for run in runs)
            lines.append(f"| {self.names[key]} | {len(some)}{'' if len(some) == total else f' of {total}'} | {span(self.speeds(key))} | {span(self.speeds(key, 'process'))} "
                         f"| {wrong} | {over} | {cpu:.0f} | {peak:.0f} | {100 * noise:.0f} % |")
        return lines

    def by_file(self):
        """One row for each file, a column for each engine: times real time, then word errors."""
        keys = list(self.runs)
        lines = ["| x real time, word errors | " + " | ".join(self.names[key] for key in keys) + " |", "|---" * (len(keys) + 1) + "|"]
        for path, about in self.about.items():
            cells = []
            for key in keys:
                cell = f"{self.speed(key, path):.0f}" if path in self.runs[key] else ""
                counts = self.counts(key).get(path) if cell else None
                cells.append(cell + (f", {score.rate(counts):.1f} %" if counts else ""))
            lines.append(f"| {name_of(path)}, {about['seconds']:.0f} s | " + " | ".join(cells) + " |")
        return lines

    def targets(self, level):
        """What is asked on ten files, and whether it is reached."""
        lines = []
        if "sotto" not in self.runs:
            return lines
        if not level:
            speeds = self.speeds("sotto")
            lines.append(f"{REAL_TIME} x real time: {span(speeds)}, spread over {len(speeds)} files {100 * (max(speeds) - min(speeds)) / statistics.median(speeds):.0f} % "
                         f"of the median: {verdict(statistics.median(speeds) >= REAL_TIME)}")
            if "sotto-words" in self.runs:
                speeds = self.speeds("sotto-words")
                lines.append(f"{WITH_WORDS} x real time with word times: {span(speeds)}: {verdict(statistics.median(speeds) >= WITH_WORDS)}")
        for label, keys, wanted in TARGETS:
            wanted = 1 if level else wanted
            there = [key for key in keys if key in self.runs]
            if there:
                fastest = max(there, key=lambda key: statistics.median(self.speeds(key)))
                ratios = self.ratios("sotto", fastest)
                lines.append(f"{wanted} x {label}: {span(ratios, 2)} x {self.names[fastest]} on {len(ratios)} files: {verdict(statistics.median(ratios) >= wanted)}")
        for label, language in (("all files", None), ("English", "en")):
            found = self.errors("sotto", language)
            if found and found[3]:
                words, rate, other, (difference, low, high) = found
                lines.append(f"at most {POINTS} points over float32 Whisper, {label}, {words} words: {rate:.2f} % and {other:.2f} %, "
                             f"{difference:+.2f} [{low:+.2f}, {high:+.2f}]: {verdict(difference <= POINTS)}")
        return lines

    def processes(self):
        """For short clips: each engine's whole process, and the share of the fastest rival's that sotto takes."""
        lines = []
        for path, about in self.about.items():
            lines += [f"{name_of(path)}, {about['seconds']:.1f} s", "", "| engine | whole process, s | model loaded, s | x real time | CPU s | peak MiB | others |", "|---|---|---|---|---|---|---|"]
            there = [key for key in self.runs if path in self.runs[key]]
            for key in there:
                runs = self.runs[key][path]
                lines.append(f"| {self.names[key]} | {span([run['process'] for run in runs], 2)} | {span([run['run'] for run in runs], 2)} | {self.speed(key, path):.0f} "
                             f"| {self.value(key, path, 'cpu'):.2f} | {max(run['memory'] for run in runs):.0f} | {100 * max(run['noise'] for run in runs):.0f} % |")
            rivals = [key for key in there if not key.startswith("sotto")]
            if rivals and "sotto" in there:
                fastest = min(rivals, key=lambda key: self.value(key, path, "process"))
                share = self.value("sotto", path, "process") / self.value(fastest, path, "process")
                line = f"sotto takes 1/{1 / share:.1f} of {self.names[fastest]}'s time as a process"
                lines += ["", line + (f"; asked: 1/{1 / CLIP_SHARE:.0f}: {verdict(share <= CLIP_SHARE)}" if about["seconds"] < 12 else "")]
            lines.append("")
        return lines
