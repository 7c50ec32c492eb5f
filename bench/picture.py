#!/usr/bin/env python3
"""
picture.py RESULTS OUT: speed against errors of all engines, an SVG drawn from what run.py wrote for the ten files. To the right is faster (on a
scale of ratios), up is fewer errors: points over float32 Whisper on the same files, since some rivals are measured on fewer of them. A bar spans
the files' middle half.
"""

import json
import math
import statistics
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 60
COLOURS = {"sotto": "#c2410c", "fw": "#1d4ed8", "wcpp": "#15803d", "ov": "#7e22ce"}
LABEL_STEP = 16
ROOM = 230  # width of a label
STYLE = """text{font:13px system-ui,sans-serif;fill:#334155}.t{font-size:15px;font-weight:600;fill:#0f172a}.a{fill:#64748b;font-size:12px}
.g{stroke:#e2e8f0}.r{stroke:#94a3b8;stroke-dasharray:4 4}.c{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#cbd5e1}.t{fill:#f1f5f9}.a{fill:#94a3b8}.g{stroke:#334155}.c{fill:#0f172a}}"""


def points(results):
    """[(key, name, speeds over its files, points over float32 Whisper)]."""
    total = max(len(files) for files in results["runs"].values())
    out = []
    for key, files in results["runs"].items():
        found = results["errors"].get(key)
        if key == "sotto-words" or not files or not (found and found[3] or key == "fw-f32"):
            continue
        speeds = [results["seconds"][path] / statistics.median(run["run"] for run in runs) for path, runs in files.items()]
        fewer = "" if len(files) == total else f" ({len(files)} file{'s' if len(files) > 1 else ''})"
        out.append((key, results["names"][key] + fewer, speeds, found[3][0] if key != "fw-f32" else 0.0))
    return out


def middle_half(speeds):
    """First and third quartile."""
    if len(speeds) < 2:
        return speeds[0], speeds[0]
    low, _, high = statistics.quantiles(speeds, n=4, method="inclusive")
    return low, high


def ticks(low, high, steps):
    return [step for step in steps if low <= step <= high]


class Drawing:
    def __init__(self, speeds, rates):
        self.x0, self.x1 = math.log(min(speeds) / 1.25), math.log(max(speeds) * 1.5)
        room = max(0.5, 0.15 * (max(rates) - min(rates)))
        self.y0, self.y1 = min(rates) - room, max(rates) + room
        self.parts = []

    def x(self, speed):
        return LEFT + (math.log(speed) - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, rate):
        return TOP + (rate - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM)

    def line(self, x1, y1, x2, y2, style):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>')

    def text(self, x, y, words, style=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>')

    def axes(self):
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for speed in ticks(math.exp(self.x0), math.exp(self.x1), (5, 10, 20, 30, 50, 70, 100, 150, 200, 300)):
            self.line(self.x(speed), TOP, self.x(speed), bottom, 'class="g"')
            self.text(self.x(speed), bottom + 18, f"{speed}", 'class="a" text-anchor="middle"')
        step = next(step for step in (0.5, 1, 2, 5, 10, 20) if (self.y1 - self.y0) / step < 8)
        rate = math.ceil(self.y0 / step) * step
        while rate <= self.y1:
            self.line(LEFT, self.y(rate), right, self.y(rate), 'class="g"')
            self.text(LEFT - 8, self.y(rate) + 4, f"{rate:+g}" if rate else "0", 'class="a" text-anchor="end"')
            rate += step
        self.line(LEFT, self.y(0), right, self.y(0), 'class="r"')
        self.text(right, self.y(0) - 5, "errors of float32 Whisper", 'class="a" text-anchor="end"')
        self.text((LEFT + right) / 2, bottom + 40, "times real time, model loaded; bars: the middle half of the files", 'class="a" text-anchor="middle"')

    def engine(self, key, name, speeds, rate, label):
        colour = COLOURS[key.split("-")[0]]
        x, y = self.x(statistics.median(speeds)), self.y(rate)
        low, high = middle_half(speeds)
        self.line(self.x(low), y, self.x(high), y, f'stroke="{colour}" stroke-width="2" opacity="0.5"')
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{8 if key == "sotto" else 6}" fill="{colour}"/>')
        at, height, anchor = label
        self.line(self.x(high if anchor == "start" else low), y, at, height, f'stroke="{colour}" opacity="0.35"')
        self.text(at + (4 if anchor == "start" else -4), height + 4, f"{name}, {statistics.median(speeds):.0f}", f'text-anchor="{anchor}"' + (' font-weight="600"' if key == "sotto" else ""))

    def labels(self, found):
        """{key: (x, y, anchor)}: beside their points, clear of neighbours' points and of each other."""
        places = {}
        for key, _, speeds, rate in sorted(found, key=lambda entry: (entry[3], statistics.median(entry[2]))):
            low, high = middle_half(speeds)
            if self.x(high) > WIDTH - ROOM:
                places[key] = (self.x(low) - 12, self.y(rate), "end")
                continue
            near = [self.x(middle_half(others)[1]) for _, _, others, rate_there in found
                    if abs(self.y(rate_there) - self.y(rate)) < 3 * LABEL_STEP and self.x(low) - 20 < self.x(statistics.median(others)) < self.x(high) + 60]
            x, y = max(near) + 18, self.y(rate)
            while any(abs(y - other) < LABEL_STEP and abs(x - at) < ROOM for at, other, _ in places.values()):
                y += 2
            places[key] = (x, y, "start")
        return places

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
                f'aria-label="Speed against word error rate">\n<style>{STYLE}</style>\n<rect class="c" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)
    found = points(results)
    drawing = Drawing([speed for _, _, speeds, _ in found for speed in speeds], [rate for *_, rate in found] + [0.0])
    drawing.text(LEFT, 24, "Whisper base: speed and word errors", 'class="t"')
    drawing.text(LEFT, 43, results["machine"] + "; up: fewer errors, in points", 'class="a"')
    drawing.axes()
    heights = drawing.labels(found)
    for key, name, speeds, rate in found:
        drawing.engine(key, name, speeds, rate, heights[key])
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(drawing.svg())


if __name__ == "__main__":
    main()
