/* A check of UTF-8 (RFC 3629).
 *
 * Each function returns how many of the n bytes at p, from the first one on, it has
 * found to be whole characters. That is where a character starts. What follows
 * is for the caller to look at: it is wrong or, if less than 67 bytes are left,
 * was not looked at. They are the same but for the instructions they use, which
 * the caller knows that the CPU has.
 *
 * All are stateless, allocate and keep nothing, never block and call nobody back.
 * The caller owns the memory, any n at any alignment. Safe for any number of
 * threads. Reads stay within the n bytes.
 */
#ifndef HYP_UTF8_H
#define HYP_UTF8_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
size_t hyp_utf8_sse42(const uint8_t *p, size_t n);
size_t hyp_utf8_avx2(const uint8_t *p, size_t n);
#elif defined(__aarch64__)
size_t hyp_utf8_neon(const uint8_t *p, size_t n);
#endif

#endif
