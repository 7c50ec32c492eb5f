#!/usr/bin/env python3
"""faster_whisper_once.py WEIGHTS THREADS RECORDING: one transcription in INT8, sequential and greedy; prints JSON: load, run, text."""

import json
import sys
import time

start = time.monotonic()
from faster_whisper import WhisperModel  # noqa: E402

weights, threads, recording = sys.argv[1:]
begun = time.monotonic()
model = WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=int(threads), local_files_only=True)
loaded = time.monotonic()
segments, _ = model.transcribe(recording, language="en", beam_size=1, condition_on_previous_text=False)
text = "".join(segment.text for segment in segments)
print(json.dumps({"load": loaded - begun, "run": time.monotonic() - loaded, "text": text}))
