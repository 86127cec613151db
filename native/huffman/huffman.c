//go:build cgo && !purego

#include "huffman.h"

#include <stdbool.h>
#include <string.h>

/* What decodes the codes of one length over STEP_BITS. */
struct length {
	unsigned bits;
	uint64_t limit; /* above the last code of this length, at the top of 32 bits */
	uint32_t first; /* the first code of this length */
	uint32_t base;  /* the index of its octet in LONG_SYMBOL */
};

/* CODE[octet] is its code << 8 | bits of the code.
 *
 * STEP[next STEP_BITS bits] has the one or two whole codes they start with. From
 * the lowest byte up: the bits of the codes; those of the first, and 128 if there
 * are two; the octet; the second octet. It is 0 if they are the start of a longer
 * code. */
#include "huffman_table.h"

enum { MAX_BITS = 30 };

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static void store64(uint8_t *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, 8);
}

ssize_t hyp_huffman_encode(uint8_t *dst, const uint8_t *src, size_t n)
{
	uint64_t x = 0;    /* codes, the last one lowest */
	unsigned bits = 0; /* of x that are not yet in dst; below 8 */
	size_t out = 0, in = 0;

	while (in < n) {
		uint64_t a = CODE[src[in]], b = 0, c = 0, d = 0;
		if (n - in >= 4) {
			b = CODE[src[in + 1]], c = CODE[src[in + 2]], d = CODE[src[in + 3]];
			if (((a + b + c + d) & 0xff) > 56)
				b = c = d = 0;
		}
		if (out >= n)
			return -2;
		in += b != 0 ? 4 : 1;
		x = x << (a & 63) | a >> 8;
		x = x << (b & 63) | b >> 8;
		x = x << (c & 63) | c >> 8;
		x = x << (d & 63) | d >> 8;
		bits += (a + b + c + d) & 0xff;
		store64(dst + out, x << (64 - bits));
		out += bits >> 3;
		bits &= 7;
	}
	if (bits > 0)
		dst[out++] = (uint8_t)(x << (8 - bits) | 0xff >> bits);
	return out < n ? (ssize_t)out : -2;
}

struct bits {
	uint64_t x;    /* the next bit highest */
	unsigned have; /* of x; more than these may be there already */
};

/* Takes the codes of a step, or returns false if they are longer. */
static inline bool step(struct bits *b, uint8_t *dst, size_t *out)
{
	uint32_t e = STEP[b->x >> (64 - STEP_BITS)];
	if (__builtin_expect(e == 0, false))
		return false;
	dst[*out] = (uint8_t)(e >> 16);
	dst[*out + 1] = (uint8_t)(e >> 24);
	*out += 1 + (e >> 15 & 1);
	b->x <<= e & 63;
	b->have -= e & 63;
	return true;
}

/* The length of the code, longer than a step, that starts x, and in *c its octet. */
static unsigned long_code(uint64_t x, uint8_t *c, bool *eos)
{
	uint64_t top = x >> 32;
	const struct length *l = LENGTH;
	while (top >= l->limit) /* the last limit is over all numbers of 32 bits */
		l++;
	size_t at = l->base + (uint32_t)(top >> (32 - l->bits)) - l->first;
	*c = LONG_SYMBOL[at];
	*eos = at == sizeof LONG_SYMBOL - 1;
	return l->bits;
}

/* Goes on where less than 8 bytes are left, and looks at the padding. */
static ssize_t decode_end(uint8_t *dst, size_t out, struct bits b, const uint8_t *src, size_t n, int *err)
{
	b.x &= ~(~(uint64_t)0 >> b.have);
	for (;;) {
		for (; b.have <= 56 && n > 0; n--) {
			b.x |= (uint64_t)*src++ << (56 - b.have);
			b.have += 8;
		}
		uint32_t e = STEP[b.x >> (64 - STEP_BITS)];
		unsigned bits = e & 63;
		bool eos = false;
		uint8_t c = (uint8_t)(e >> 16);
		if (e == 0) {
			bits = long_code(b.x, &c, &eos);
		} else if (e >> 15 & 1) {
			if (bits <= b.have)
				dst[out++] = c, c = (uint8_t)(e >> 24);
			else /* the second code is made of what is not there */
				bits = e >> 8 & 63;
		}
		if (bits > b.have)
			break;
		if (eos) {
			*err = HYP_HUFFMAN_EOS;
			return -1;
		}
		dst[out++] = c;
		b.x <<= bits;
		b.have -= bits;
	}
	*err = b.have > 7 ? HYP_HUFFMAN_LONG : b.x != ~(~(uint64_t)0 >> b.have) ? HYP_HUFFMAN_NOT_ONES : 0;
	return *err == 0 ? (ssize_t)out : -1;
}

ssize_t hyp_huffman_decode(uint8_t *dst, const uint8_t *src, size_t n, int *err)
{
	struct bits b = {0, 0};
	size_t out = 0, in = 0;

	while (n - in >= 8) {
		b.x |= load64(src + in) >> b.have;
		in += (63 - b.have) >> 3;
		b.have |= 56;
		if (step(&b, dst, &out) && step(&b, dst, &out) && step(&b, dst, &out) && step(&b, dst, &out))
			continue;
		if (b.have >= MAX_BITS) {
			bool eos;
			unsigned bits = long_code(b.x, &dst[out++], &eos);
			if (eos) {
				*err = HYP_HUFFMAN_EOS;
				return -1;
			}
			b.x <<= bits;
			b.have -= bits;
		}
	}
	return decode_end(dst, out, b, src + in, n - in, err);
}

/* Reads an integer (section 5.1) that is less than limit, and moves *in behind it. */
static bool integer(const uint8_t *block, size_t n, size_t *in, unsigned prefix, size_t limit, size_t *v)
{
	if (*in >= n)
		return false;
	uint32_t most = (1u << prefix) - 1;
	*v = block[(*in)++] & most;
	if (*v < most)
		return *v < limit;
	for (unsigned shift = 0; *in < n && shift <= 21; shift += 7) {
		uint8_t c = block[(*in)++];
		*v += (size_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return *v < limit;
	}
	return false;
}

/* The output of hyp_huffman_block. */
struct strings {
	uint8_t *dst;
	uint32_t *len;
	size_t count, max;
};

/* Goes over a string literal, and decodes it if it is of Huffman codes. */
static bool string(struct strings *s, const uint8_t *block, size_t n, size_t *in)
{
	if (*in >= n)
		return false;
	bool huffman = block[*in] >= 0x80;
	size_t size;
	if (!integer(block, n, in, 7, n, &size) || size > n - *in)
		return false;
	if (huffman) {
		int err;
		if (s->count == s->max)
			return false;
		ssize_t done = hyp_huffman_decode(s->dst, block + *in, size, &err);
		if (done < 0)
			return false;
		s->dst += done;
		s->len[s->count++] = (uint32_t)done;
	}
	*in += size;
	return true;
}

size_t hyp_huffman_block(uint8_t *dst, const uint8_t *block, size_t n, uint32_t *len, size_t max)
{
	struct strings s = {dst, len, 0, max};
	size_t in = 0;

	while (in < n) {
		uint8_t c = block[in];
		bool indexed = c >= 0x80, update = !indexed && (c & 0xe0) == 0x20;
		unsigned prefix = indexed ? 7 : c >= 0x40 ? 6 : update ? 5 : 4;
		size_t index;
		if (!integer(block, n, &in, prefix, SIZE_MAX, &index))
			break;
		if (indexed || update)
			continue;
		if (index == 0 && !string(&s, block, n, &in))
			break;
		if (!string(&s, block, n, &in))
			break;
	}
	return s.count;
}
