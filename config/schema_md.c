/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_md.c: the program that writes schema.md to standard output. */
#include "schema.h"

int main(void)
{
    lg_schema_print(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
