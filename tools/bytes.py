#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bytes.py NAME IN OUT writes file IN as a C array NAME."""
import sys

name, src, dst = sys.argv[1:]
with open(src, "rb") as f:
    data = f.read()
with open(dst, "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n")
    f.write(f"static const unsigned char {name}[] __attribute__((aligned(8))) = {{\n")
    for i in range(0, len(data), 16):
        f.write("    " + ", ".join(str(b) for b in data[i : i + 16]) + ",\n")
    f.write("};\n")
