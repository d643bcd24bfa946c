/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_md.c: the program that writes, from the tables, schema.md, lockgate.yaml(5) or the JSON
 * Schema to standard output: schema_md [md|man|json]. */
#include "schema.h"

#include <string.h>

int main(int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "md";

    if (strcmp(form, "man") == 0)
        lg_schema_print_man(stdout);
    else if (strcmp(form, "json") == 0)
        lg_schema_print_json(stdout);
    else
        lg_schema_print(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
