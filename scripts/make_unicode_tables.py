#!/usr/bin/env python3
"""Write src/model/unicode_tables.c: ranges of Unicode letters (L*), numbers (N*) and white space, from unicodedata.

Usage: scripts/make_unicode_tables.py > src/model/unicode_tables.c
"""
import sys
import unicodedata

# The property White_Space is not in unicodedata; str.isspace also counts U+001C to U+001F, which are not.
SPACES = [c for c in range(0x110000) if chr(c).isspace() and not 0x1C <= c <= 0x1F]


def ranges(codes):
    out = []
    for code in codes:
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def table(name, codes):
    pairs = ["{0x%04x, 0x%04x}" % tuple(pair) for pair in ranges(codes)]
    lines, line = [], ""
    for pair in pairs:
        if len(line) + len(pair) > 104:
            lines.append(line)
            line = ""
        line += pair + ", "
    lines.append(line)
    print("\nconst struct so_code_range so_unicode_%s[] = {" % name)
    for line in lines:
        print("    " + line.rstrip())
    print("};\nconst size_t so_unicode_%s_count = SO_COUNT(so_unicode_%s);" % (name, name))


def category(letter):
    return [c for c in range(0x110000) if unicodedata.category(chr(c))[0] == letter]


print("/* Made by scripts/make_unicode_tables.py from Unicode %s: do not edit. */" % unicodedata.unidata_version)
print('#include "model/unicode.h"\n\n#include "util/compiler.h"')
table("letters", category("L"))
table("numbers", category("N"))
table("spaces", SPACES)
