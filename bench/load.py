#!/usr/bin/env python3
"""Many clients at once against a server on the loopback: nothing lost, nothing mixed up, memory that stays, as fast as the command.

usage: load.py SOTTO MODEL RECORDING.wav [--clients 200] [--seconds 60 | --requests N] [--threads N] [--parallel N] [--no-speed]
       load.py SOTTO MODEL RECORDING.wav --behind        a clip of 3 s behind ten files of ten minutes

The recording is cut into pieces of 2 to 30 s. Each answer's tokens are compared with what `sotto transcribe` says of the same piece.
Exit status 1 if a check fails. Python's standard library only.
"""
import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave

LENGTHS = [2, 3, 4, 5, 7, 9, 12, 15, 20, 30]  # seconds


def cut(source, start, seconds, path, times=1):
    """A WAV file of `seconds` from `start` on (the recording begins again where it ends), `times` over."""
    with wave.open(source) as file:
        rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
        every = file.readframes(file.getnframes())
    frame = width * channels
    at, n = int(start * rate) * frame % len(every), int(seconds * rate) * frame
    with wave.open(path, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        for _ in range(times):
            out.writeframes((every * (n // len(every) + 2))[at : at + n])
    return path


class Server:
    def __init__(self, sotto, model, folder, *arguments):
        self.log = open(os.path.join(folder, "log"), "w+b")
        command = [sotto, "serve", "-m", model, "--port", "0", "--spool", folder, "--log-json", "--connections", "4096",
                   "--per-address", "4096", *arguments]
        self.process = subprocess.Popen(command, stderr=self.log)
        self.port, until = None, time.monotonic() + 60
        while self.port is None:
            with open(self.log.name, encoding="utf-8") as file:
                for line in file.readlines():
                    if line.endswith("\n") and '"listening"' in line:
                        self.port = json.loads(line)["port"]
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit("the server did not start")
            time.sleep(0.05)

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1800)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, data, **fields):
        parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
        parts.append(b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + data + b"\r\n--x--\r\n")
        return self.ask("POST", "/v1/audio/transcriptions", b"".join(parts), {"Content-Type": "multipart/form-data; boundary=x"})

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def memory(self):
        """MiB of the server itself."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def tokens(answer):
    return [segment["tokens"] for segment in answer["segments"]]


def command_line(arguments, model, paths, folder):
    """(what each path holds, seconds of wall time) by `sotto transcribe`."""
    began = time.monotonic()
    threads = ["--threads", str(arguments.threads)] if arguments.threads else []
    subprocess.run([arguments.sotto, "transcribe", "-m", model, *threads, "-f", "json", "-o", folder, "-q", *paths], check=True)
    took = time.monotonic() - began
    known = {}
    for path in paths:
        with open(os.path.join(folder, os.path.splitext(os.path.basename(path))[0] + ".json"), encoding="utf-8", errors="replace") as file:
            known[path] = json.load(file)
    return known, took


class Load:
    def __init__(self, server, pieces, known):
        self.server, self.known, self.lock = server, known, threading.Lock()
        self.pieces = [(path, seconds, open(path, "rb").read()) for path, seconds in pieces]
        self.done = self.busy = self.sound = 0
        self.errors, self.open = [], 0

    def one(self, chance):
        path, seconds, data = chance.choice(self.pieces)
        with self.lock:
            self.open += 1
        try:
            status, headers, body = self.server.post(data, response_format="verbose_json")
            wrong = None
            if status == 200:
                if tokens(json.loads(body)) != tokens(self.known[path]):
                    wrong = "an answer is not its file's: " + path
            elif status != 429 or int(headers.get("Retry-After", "0")) < 1:
                wrong = f"status {status}: {body[:200]!r}"
        except OSError as error:
            status, wrong = None, repr(error)
        with self.lock:
            self.open -= 1
            if wrong:
                self.errors.append(wrong)
            elif status == 200:
                self.done += 1
                self.sound += seconds
            else:
                self.busy += 1
        if status == 429:
            time.sleep(0.2 + chance.random())

    def client(self, number, until, requests):
        chance = random.Random(number)
        while time.monotonic() < until and requests != 0:
            self.one(chance)
            requests -= 1


def load(arguments, folder):
    paths = [(cut(arguments.recording, 1.7 * i, seconds, os.path.join(folder, f"piece{i}.wav")), seconds) for i, seconds in enumerate(LENGTHS * 2)]
    known, took = command_line(arguments, arguments.model, [path for path, _ in paths], folder)
    command = sum(seconds for _, seconds in paths) / took
    server = Server(arguments.sotto, arguments.model, folder, "--threads", str(arguments.threads), "--parallel", str(arguments.parallel))
    state = Load(server, paths, known)
    warm = [threading.Thread(target=state.client, args=(-i, time.monotonic() + 600, 3)) for i in range(1, min(arguments.clients, 32) + 1)]
    for thread in warm:
        thread.start()
    for thread in warm:
        thread.join()
    before = server.memory()
    state.done = state.busy = state.sound = 0
    began = time.monotonic()
    until = began + (arguments.seconds if arguments.requests is None else 1e6)
    clients = [threading.Thread(target=state.client, args=(i, until, -1 if arguments.requests is None else arguments.requests))
               for i in range(arguments.clients)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    took = time.monotonic() - began
    after = server.memory()
    status = server.stop()
    served = state.sound / took
    print(f"{arguments.clients} clients, {took:.1f} s: {state.done} answers of {state.sound:.0f} s of sound, {state.busy} times 429, "
          f"{len(state.errors)} errors, {state.open} lost")
    print(f"memory {before:.0f} MiB at the beginning, {after:.0f} MiB at the end")
    print(f"{served:.1f} s of sound each second; sotto transcribe, one file after another: {command:.1f}; ratio {served / command:.2f}")
    for error in state.errors[:5]:
        print(error)
    good = not state.errors and state.open == 0 and state.done > 0 and status == 0
    if not arguments.no_speed:
        good = good and served >= 0.9 * command and after < 1.15 * before + 32
    return 0 if good else 1


def behind(arguments, folder):
    clip = open(cut(arguments.recording, 6, 3, os.path.join(folder, "clip.wav")), "rb").read()
    with wave.open(arguments.recording) as file:
        length = file.getnframes() / file.getframerate()
    hour = open(cut(arguments.recording, 0, length, os.path.join(folder, "long.wav"), int(600 / length)), "rb").read()
    window = cut(arguments.recording, 0, 30, os.path.join(folder, "window.wav"))
    encoder = command_line(arguments, arguments.model, [window], folder)[0][window]["timing"]["encode"]
    server = Server(arguments.sotto, arguments.model, folder, "--threads", str(arguments.threads), "--parallel", str(arguments.parallel))

    def timed():
        began = time.monotonic()
        status, _, body = server.post(clip)
        if status != 200 or not json.loads(body)["text"].strip():
            sys.exit(f"the clip's answer: {status} {body[:200]!r}")
        return time.monotonic() - began

    timed()
    idle = statistics.median(timed() for _ in range(7))
    jobs = [json.loads(server.post(hour, **{"async": "true"})[2])["job_id"] for _ in range(10)]
    while server.metric("sotto_running") < min(arguments.parallel, 10):
        time.sleep(0.05)
    time.sleep(2)
    times = [timed() for _ in range(9)]
    running = server.metric("sotto_running")
    for job in jobs:
        server.ask("DELETE", "/jobs/" + job)
    server.stop()
    busy = statistics.median(times)
    ratio = (busy - encoder) / idle
    print(f"a clip of 3 s: {idle * 1000:.0f} ms on an idle server; behind ten files of ten minutes ({running:.0f} at work) {busy * 1000:.0f} ms "
          f"(worst {max(times) * 1000:.0f} ms); an encoder batch takes {encoder * 1000:.0f} ms")
    print(f"ratio, less one encoder batch: {ratio:.2f} (below 2 is asked for)")
    return 0 if ratio < 2 or arguments.no_speed else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sotto")
    parser.add_argument("model")
    parser.add_argument("recording")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, help="of each client, in place of a time")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--no-speed", action="store_true", help="check answers alone, not speed and memory")
    parser.add_argument("--behind", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return (behind if arguments.behind else load)(arguments, folder)


if __name__ == "__main__":
    sys.exit(main())
