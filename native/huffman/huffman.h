/* Huffman codes of HPACK (RFC 7541 section 5.2, appendix B).
 *
 * All functions are stateless, allocate and keep nothing, never block and call
 * nobody back. The caller owns all memory; dst and src do not overlap. Safe for
 * any number of threads. Reads stay within src, writes within what is said of
 * dst, of which bytes behind the result may be overwritten.
 */
#ifndef HYP_HUFFMAN_H
#define HYP_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	HYP_HUFFMAN_SLACK = 8, /* bytes that may be written behind the longest result */

	/* errors, of hyp_huffman_decode */
	HYP_HUFFMAN_EOS = 1,        /* the code of EOS */
	HYP_HUFFMAN_LONG = 2,       /* more than 7 bits of padding */
	HYP_HUFFMAN_NOT_ONES = 3,   /* padding that is not all ones */
};

/* Writes the codes of the n octets at src, padded with ones, to dst, which has
 * n + HYP_HUFFMAN_SLACK bytes. Returns how many bytes they are, or -2 when that
 * is not less than n. */
ssize_t hyp_huffman_encode(uint8_t *dst, const uint8_t *src, size_t n);

/* Writes the octets whose codes are the n bytes at src to dst, which has
 * n * 8 / 5 + HYP_HUFFMAN_SLACK bytes. Returns how many there are, or -1 and
 * the error in *err. */
ssize_t hyp_huffman_decode(uint8_t *dst, const uint8_t *src, size_t n, int *err);

/* Decodes the Huffman strings of a header block of n bytes, one behind the other,
 * to dst, which has n * 8 / 5 + HYP_HUFFMAN_SLACK bytes. Writes the decoded
 * length of each to len, and returns how many strings that were. It stops
 * without an error at the first thing that is wrong, and after max strings: who
 * goes through the block has to look at what follows anyway. */
size_t hyp_huffman_block(uint8_t *dst, const uint8_t *block, size_t n, uint32_t *len, size_t max);

#endif
