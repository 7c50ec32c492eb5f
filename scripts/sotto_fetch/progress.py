"""A progress bar on a terminal, silence anywhere else."""

import sys
import time


class Progress:
    """Bytes of one file. `done` counts from the start of the file, resumed bytes included."""

    def __init__(self, label, total, stream=None):
        self.label, self.total, self.stream = label, total, stream or sys.stderr
        self.shown = self.stream.isatty()
        self.started = self.last = time.monotonic()
        self.first = None

    def update(self, done):
        if not self.shown:
            return
        if self.first is None:
            self.first = done
        now = time.monotonic()
        if now - self.last < 0.1 and done < self.total:
            return
        self.last = now
        share = done / self.total if self.total else 1.0
        rate = (done - self.first) / max(now - self.started, 1e-3)
        left = f"{(self.total - done) / rate:4.0f} s left" if rate > 0 else ""
        bar = "#" * int(share * 30)
        self.stream.write(f"\r\033[K{self.label}  [{bar:<30}] {share:4.0%}  {done / 1e6:.1f} MB  {rate / 1e6:.1f} MB/s  {left}")
        self.stream.flush()

    def close(self):
        """Clear the line, so that what follows starts at its beginning."""
        if self.shown and self.first is not None:
            self.stream.write("\r\033[K")
            self.stream.flush()
