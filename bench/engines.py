"""sotto and its rivals behind one face: start, run one recording, stop; or one whole process from nothing to text."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Each library reads its own name for the highest level of instructions that it may use.
AVX2 = {"SOTTO_CPU": "avx2", "CT2_FORCE_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"}


class Failed(Exception):
    """A program ended otherwise than it should."""


def finished(command, env, text=None):
    """Run a program to its end: (standard output, standard error, wall seconds, processor seconds, peak MiB)."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        start = time.monotonic()
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE if text else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        if text:
            process.stdin.write(text)
            process.stdin.close()
        out = process.stdout.read()
        _, process.returncode, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        log.seek(0)
        err = log.read()
    if process.returncode:
        raise Failed(f"{command[0]}: status {process.returncode}: {err[-500:]}")
    return out, err, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Engine:
    def __init__(self, key, name, threads, avx2):
        self.key, self.name, self.threads = key, name, threads
        self.env = {**os.environ, "OMP_NUM_THREADS": str(threads), **(AVX2 if avx2 else {})}

    def stop(self):
        """Free what was loaded."""


class Program(Engine):
    """A program that is started anew for each recording and says itself how long it took to load its model."""

    def run(self, path, language):
        out, err, wall, cpu, memory = finished(self.command(path, language), self.env)
        load, run, text = self.read(out, err, wall)
        return {"process": wall, "load": load, "run": run, "cpu": cpu, "memory": memory, "text": text}

    whole = run


class Sotto(Program):
    def __init__(self, key, name, program, model, threads, avx2, *options):
        super().__init__(key, name, threads, avx2)
        self.program, self.model, self.options = program, model, options

    def command(self, path, language):
        return [self.program, "transcribe", path, "-m", self.model, "-l", language, "-f", "json", "-q", "--threads", str(self.threads), *self.options]

    def read(self, out, _, wall):
        result = json.loads(out)
        load = result["timing"]["load"]
        return load, wall - load, result["text"]  # all but the load counts as its run, start and exit of the process too


class WhisperCpp(Program):
    def __init__(self, key, name, program, model, threads):
        super().__init__(key, name, threads, False)
        self.program, self.model = program, model

    def command(self, path, language):
        return [self.program, "-m", self.model, "-t", str(self.threads), "-l", language, "-bs", "1", "-bo", "1", "-mc", "0", "-f", path]

    def read(self, out, err, _):
        times = {name: float(ms) / 1000 for name, ms in re.findall(r"(load|total) time =\s*([\d.]+) ms", err)}
        # With times: told to leave them out (-nt) it loses what stands across the ends of its windows.
        text = re.sub(r"^\[[\d:.]+ --> [\d:.]+\]", "", out, flags=re.MULTILINE)
        return times["load"], times["total"] - times["load"], " ".join(text.split())


class Worker(Engine):
    """A Python library that keeps its model between recordings, in worker.py of its own environment."""

    def __init__(self, key, name, python, arguments, threads, avx2):
        super().__init__(key, name, threads, avx2)
        self.command = [python, os.path.join(HERE, "worker.py"), *arguments, str(threads)]
        self.process = self.log = None
        self.start_seconds = self.load = 0.0

    def _start(self):
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        start = time.monotonic()
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.load = self._answer()["load"]
        self.start_seconds = time.monotonic() - start

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.process = None
            self.log.seek(0)
            raise Failed(f"{self.name}: {self.log.read()[-500:]}")
        return json.loads(line)

    def run(self, path, language):
        if not self.process:
            self._start()
        self.process.stdin.write(json.dumps({"path": os.path.abspath(path), "language": language}) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        return {**answer, "load": self.load, "process": self.start_seconds + answer["run"]}

    def whole(self, path, language):
        job = json.dumps({"path": os.path.abspath(path), "language": language}) + "\n"
        out, _, wall, cpu, memory = finished(self.command, self.env, job)
        first, answer = map(json.loads, out.splitlines())
        return {"process": wall, "load": first["load"], "run": answer["run"], "cpu": cpu, "memory": memory, "text": answer["text"]}

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.log.close()
            self.process = None


def engines(sotto, model, weights, rivals, threads=2, avx2=False):
    """All that are installed, by key, sotto first. `rivals` is the folder that rivals.sh fills."""
    build = os.path.join(rivals, "avx2" if avx2 else "native")
    openvino = os.path.join(rivals, "openvino", "bin", "python")
    precision = "f32" if avx2 else "-"
    found = [Sotto("sotto", "sotto INT8", sotto, model, threads, avx2), Sotto("sotto-words", "sotto INT8, word times", sotto, model, threads, avx2, "--words")]
    for key, name, compute, batch in (("fw-f32", "float32", "float32", 0), ("fw-int8", "INT8", "int8", 0), ("fw-int8-b8", "INT8, batches of 8", "int8", 8),
                                      ("fw-int8-b16", "INT8, batches of 16", "int8", 16), ("fw-f32-b8", "float32, batches of 8", "float32", 8)):
        found.append(Worker(key, f"faster-whisper {name}", sys.executable, ["faster-whisper", weights, compute, str(batch)], threads, avx2))
    if os.path.exists(os.path.join(build, "bin", "whisper-cli")):
        for kind in ("f16", "q8_0"):
            found.append(WhisperCpp(f"wcpp-{kind}", f"whisper.cpp {kind}", os.path.join(build, "bin", "whisper-cli"), os.path.join(rivals, f"base-{kind}.bin"), threads))
    if os.path.exists(os.path.join(rivals, "openvino-int8", "openvino_detokenizer.xml")):
        found.append(Worker("ov-int8", "OpenVINO GenAI INT8", openvino, ["openvino", os.path.join(rivals, "openvino-int8"), precision, "-"], threads, avx2))
    return {engine.key: engine for engine in found}
