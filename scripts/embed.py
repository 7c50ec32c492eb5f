#!/usr/bin/env python3
"""embed.py OUT.c FILE...: the files as a table of C arrays, struct so_asset so_assets[], ended by a NULL name."""

import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def main():
    lines, table = ['#include "server/assets.h"\n'], []
    for index, path in enumerate(sys.argv[2:]):
        with open(path, "rb") as file:
            data = file.read()
        numbers = ",".join(map(str, data))
        lines.append(f"static const unsigned char file_{index}[] = {{{numbers}}};\n")
        name = os.path.basename(path)
        table.append(f'    {{"{name}", "{TYPES[os.path.splitext(name)[1]]}", file_{index}, sizeof file_{index}}},\n')
    lines += ["const struct so_asset so_assets[] = {\n", *table, "    {0},\n};\n"]
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.writelines(lines)


main()
