/* Masks of WebSocket frames (RFC 6455 section 5.3).
 *
 * Each function changes the n bytes at p, any n and any alignment, in place: byte
 * i becomes itself XOR byte i mod 4 of key, the lowest byte of key being the
 * first. They are the same but for the instructions they use, which the caller
 * knows that the CPU has.
 *
 * All are stateless, allocate and keep nothing, never block and call nobody back.
 * The caller owns the memory. Safe for any number of threads, each with bytes of
 * its own. Reads and writes stay within the n bytes.
 */
#ifndef HYP_UNMASK_H
#define HYP_UNMASK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
void hyp_unmask_sse2(uint8_t *p, size_t n, uint32_t key);
void hyp_unmask_avx2(uint8_t *p, size_t n, uint32_t key);
void hyp_unmask_avx512(uint8_t *p, size_t n, uint32_t key); /* AVX512F and AVX512BW */
#elif defined(__aarch64__)
void hyp_unmask_neon(uint8_t *p, size_t n, uint32_t key);
#endif

#endif
