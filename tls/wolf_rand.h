/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wolf_rand.h declares the one source of random bytes that wolfSSL draws from. It is handed to each
 * file of wolfSSL's own build with -include (tools/wolfssl.flags), assembly too: so it includes
 * nothing and hides from the assembler. A change here rebuilds wolfSSL. */
#ifndef LG_WOLF_RAND_H
#define LG_WOLF_RAND_H
#ifndef __ASSEMBLER__

/* lg_wolf_rand fills a buffer from the calling worker's generator.
 *   out      caller's; sz bytes are written on success
 *   Returns  0; anything else makes wolfSSL fail the operation with RNG_FAILURE_E
 *   Thread   any that has set up its generator */
int lg_wolf_rand(unsigned char *out, unsigned int sz);

#endif
#endif
