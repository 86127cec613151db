/* What all variants do with the bytes that fill no vector. */
#ifndef HYP_UNMASK_TAIL_H
#define HYP_UNMASK_TAIL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Little-endian CPUs only, which is what units are compiled for. */
static inline void unmask_tail(uint8_t *p, size_t n, uint32_t key)
{
	uint64_t wide = (uint64_t)key << 32 | key;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t x;
		memcpy(&x, p, 8);
		x ^= wide;
		memcpy(p, &x, 8);
	}
	for (size_t i = 0; i < n; i++)
		p[i] ^= (uint8_t)(wide >> (8 * i));
}

/* The key for the bytes that follow n bytes. */
static inline uint32_t unmask_turn(uint32_t key, size_t n)
{
	unsigned by = 8 * (n & 3);
	return by == 0 ? key : key >> by | key << (32 - by);
}

/* How many of n bytes lie before p is a multiple of size, a power of two. */
static inline size_t unmask_head(const uint8_t *p, size_t n, size_t size)
{
	size_t head = -(uintptr_t)p & (size - 1);
	return head < n ? head : n;
}

#endif
