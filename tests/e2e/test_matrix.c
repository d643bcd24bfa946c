/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_matrix.c: files come through whole over every bad wire: loss by reordering, duplication and
 * delay, by IPv4 and IPv6, up and down. LOCKGATE_MATRIX_BYTES makes the files larger (the usual
 * size is for a quick run: what is asserted is that the sums are equal, not how fast). */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

/* expect_whole moves the file in four ways at once and compares each. */
static void expect_whole(const char *how)
{
    if (!rig_impair("front", how))
        return;
    EXPECT_RUN(0, "export DIR; cd \"$DIR\" && rm -f got4 got6 www/up/m4 www/up/m6;"
                  "(get 8443 /matrix -o got4 && cmp got4 www/matrix) & a=$!;"
                  "(ADDR=$GATE6 get 8443 /matrix -o got6 && cmp got6 www/matrix) & b=$!;"
                  "(get 8443 /up/m4 -T www/matrix && cmp www/up/m4 www/matrix) & c=$!;"
                  "(ADDR=$GATE6 get 8443 /up/m6 -T www/matrix && cmp www/up/m6 www/matrix) &"
                  " d=$!; wait $a && wait $b && wait $c && wait $d");
    if (t_failed())
        t_fail(__FILE__, __LINE__, "on a wire with %s", how);
    (void)rig_mend("front"); /* with little loss, none may have been lost */
}

static void matrix_row(const char *loss)
{
    static const char *const rest[] = {"reorder=20 delay=2", "dup=5 delay=1", "delay=0.5",
                                       "delay=25"};
    const char *bytes = getenv("LOCKGATE_MATRIX_BYTES");

    RIG(rig_standard);
    EXPECT_EQ(rig_tool("head -c %s \"$DIR/www/100m\" >\"$DIR/www/matrix\"", bytes ? bytes
                                                                            : rig_is_quick()
                                                                                ? "40000"
                                                                                : "150000"),
              0);
    for (unsigned i = 0; i < 4 && !t_failed(); i++) {
        char how[64];
        snprintf(how, sizeof how, "%s %s seed=%u", loss, rest[i], i + 1);
        expect_whole(how);
    }
    EXPECT(rig_settles());
}

E2E(Matrix, MovesFilesWholeWithoutLoss)
{
    matrix_row("loss=0");
}

E2E(Matrix, MovesFilesWholeWithOneInAThousandLost)
{
    matrix_row("loss=0.1");
}

E2E(Matrix, MovesFilesWholeWithOneInAHundredLost)
{
    matrix_row("loss=1");
}

E2E(Matrix, MovesFilesWholeWithOneInTwentyLost)
{
    matrix_row("loss=5");
}
