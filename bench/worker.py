#!/usr/bin/env python3
"""
worker.py faster-whisper WEIGHTS COMPUTE_TYPE BATCH THREADS
worker.py openvino FOLDER PRECISION - THREADS   (PRECISION `-`: what OpenVINO chooses)

A rival with its model loaded. Prints one line of JSON when ready, then answers each line {"path", "language"} of standard input with one:
seconds and processor seconds of the transcription (file to text), the peak of memory in MiB during it, and the text. BATCH 0 is sequential.
All decode greedily and feed no earlier text into later windows; the rest stays as the library has it, above all temperature fallback
and, where windows are batched, the detection of speech.
"""

import json
import sys
import time

BEGUN = time.monotonic()


def faster_whisper(weights, compute, batch, threads):
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    imported = time.monotonic()
    model = WhisperModel(weights, device="cpu", compute_type=compute, cpu_threads=threads, local_files_only=True)
    options = {"beam_size": 1}
    if batch:
        model, options["batch_size"] = BatchedInferencePipeline(model), batch
    else:
        options["condition_on_previous_text"] = False

    def run(path, language):
        segments, _ = model.transcribe(path, language=language, **options)
        return "".join(segment.text for segment in segments)

    return run, imported


def openvino(folder, precision, _, threads):
    import numpy as np
    import openvino_genai
    import wave

    imported = time.monotonic()
    options = {"INFERENCE_NUM_THREADS": threads}
    if precision != "-":
        # Its own look at the processor would choose bfloat16 and dynamic quantisation there, for which a lower level has no kernels.
        options.update(INFERENCE_PRECISION_HINT=precision, DYNAMIC_QUANTIZATION_GROUP_SIZE=0)
    pipeline = openvino_genai.WhisperPipeline(folder, "CPU", **options)

    def run(path, language):
        with wave.open(path) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return pipeline.generate(samples, language=f"<|{language}|>", task="transcribe", return_timestamps=True).texts[0]

    return run, imported


def memory():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def forget_memory():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def main():
    kind, model, compute, batch, threads = sys.argv[1:]
    engine = {"faster-whisper": faster_whisper, "openvino": openvino}[kind]
    run, imported = engine(model, compute, int(batch) if batch.isdigit() else 0, int(threads))
    print(json.dumps({"load": time.monotonic() - imported, "import": imported - BEGUN}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        forget_memory()
        cpu, start = time.process_time(), time.monotonic()
        text = run(job["path"], job["language"])
        print(json.dumps({"run": time.monotonic() - start, "cpu": time.process_time() - cpu, "memory": memory(), "text": text}), flush=True)


if __name__ == "__main__":
    main()
