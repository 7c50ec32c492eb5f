"""Transcripts of the recordings of a manifest by sotto and by faster-whisper."""

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import version


def read_manifest(data):
    """Rows of DATA/speech/manifest.tsv, `path` made absolute."""
    folder = os.path.join(os.path.abspath(data), "speech")
    csv.field_size_limit(1 << 24)
    with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["path"] = os.path.join(folder, row["path"])
    return rows


def by_sotto(sotto, rows, precision, fallback):
    """{id: text} by one process for each language, many files each."""
    languages = defaultdict(list)
    for row in rows:
        languages[row["lang"]].append(row)
    texts = {}
    for language, group in languages.items():
        with tempfile.TemporaryDirectory() as folder:
            links = []
            for row in group:
                # A name of its own for each recording, since results are named after their recordings.
                links.append(os.path.join(folder, row["id"] + os.path.splitext(row["path"])[1]))
                os.symlink(row["path"], links[-1])
            out = os.path.join(folder, "out")
            options = ["-m", "base", "--precision", precision, "-l", language, "-f", "json", "-o", out, "-q", "--sequential", "--no-vad"]
            subprocess.run([sotto, "transcribe", *links, *options, *([] if fallback else ["--no-fallback"])], check=False)
            for row in group:
                path = os.path.join(out, row["id"] + ".json")
                if not os.path.exists(path):
                    print(f"sotto gave nothing for {row['id']}", file=sys.stderr)
                    continue
                with open(path, encoding="utf-8") as file:
                    texts[row["id"]] = json.load(file)["text"]
    return texts


class Rival:
    """faster-whisper in float32, greedy. What it said about a file is kept, by the file's hash, in `cache`."""

    def __init__(self, weights, cache):
        self.weights, self.path, self.model = weights, cache, None
        self.cache = {}
        if os.path.exists(cache):
            with open(cache, encoding="utf-8") as file:
                self.cache = json.load(file)

    def _run(self, path, language, fallback):
        if self.model is None:
            from faster_whisper import WhisperModel
            self.model = WhisperModel(self.weights, device="cpu", compute_type="float32", cpu_threads=os.cpu_count(), local_files_only=True)
        options = {} if fallback else {"temperature": 0}
        segments, _ = self.model.transcribe(path, language=language, beam_size=1, condition_on_previous_text=False, vad_filter=False, **options)
        return "".join(segment.text for segment in segments)

    def transcribe(self, rows, fallback):
        texts = {}
        for i, row in enumerate(rows):
            with open(row["path"], "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            key = f"{digest} {row['lang']} {'fallback' if fallback else 'greedy'} {version('faster-whisper')} {version('ctranslate2')}"
            if key not in self.cache:
                if sys.stderr.isatty():
                    print(f"\rfaster-whisper {i + 1}/{len(rows)} ", end="", file=sys.stderr, flush=True)
                self.cache[key] = self._run(row["path"], row["lang"], fallback)
                self._save()
            texts[row["id"]] = self.cache[key]
        return texts

    def _save(self):
        with open(self.path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.cache, file, ensure_ascii=False, indent=0)
        os.replace(self.path + ".part", self.path)
