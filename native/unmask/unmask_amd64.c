//go:build cgo && !purego

#include "unmask.h"

#include "unmask_tail.h"

#include <immintrin.h>

/* Vectors that cross a cache line cost twice: with many, the first bytes are
 * done so that the rest is aligned. */
enum { ALIGN_FROM = 256 };

void hyp_unmask_sse2(uint8_t *p, size_t n, uint32_t key)
{
	if (n >= ALIGN_FROM) {
		size_t head = unmask_head(p, n, 16);
		unmask_tail(p, head, key);
		key = unmask_turn(key, head);
		p += head;
		n -= head;
	}
	__m128i k = _mm_set1_epi32((int)key);
	for (; n >= 64; p += 64, n -= 64) {
		__m128i *v = (__m128i *)p;
		__m128i a = _mm_loadu_si128(v), b = _mm_loadu_si128(v + 1);
		__m128i c = _mm_loadu_si128(v + 2), d = _mm_loadu_si128(v + 3);
		_mm_storeu_si128(v, _mm_xor_si128(a, k));
		_mm_storeu_si128(v + 1, _mm_xor_si128(b, k));
		_mm_storeu_si128(v + 2, _mm_xor_si128(c, k));
		_mm_storeu_si128(v + 3, _mm_xor_si128(d, k));
	}
	unmask_tail(p, n, key);
}

__attribute__((target("avx2")))
void hyp_unmask_avx2(uint8_t *p, size_t n, uint32_t key)
{
	if (n >= ALIGN_FROM) {
		size_t head = unmask_head(p, n, 32);
		unmask_tail(p, head, key);
		key = unmask_turn(key, head);
		p += head;
		n -= head;
	}
	__m256i k = _mm256_set1_epi32((int)key);
	for (; n >= 128; p += 128, n -= 128) {
		__m256i *v = (__m256i *)p;
		__m256i a = _mm256_loadu_si256(v), b = _mm256_loadu_si256(v + 1);
		__m256i c = _mm256_loadu_si256(v + 2), d = _mm256_loadu_si256(v + 3);
		_mm256_storeu_si256(v, _mm256_xor_si256(a, k));
		_mm256_storeu_si256(v + 1, _mm256_xor_si256(b, k));
		_mm256_storeu_si256(v + 2, _mm256_xor_si256(c, k));
		_mm256_storeu_si256(v + 3, _mm256_xor_si256(d, k));
	}
	for (; n >= 32; p += 32, n -= 32) {
		__m256i *v = (__m256i *)p;
		_mm256_storeu_si256(v, _mm256_xor_si256(_mm256_loadu_si256(v), k));
	}
	unmask_tail(p, n, key);
}

/* Masks n bytes, less than 64. */
__attribute__((target("avx512f,avx512bw")))
static inline void part512(uint8_t *p, size_t n, uint32_t key)
{
	__mmask64 m = ((__mmask64)1 << n) - 1;
	__m512i x = _mm512_maskz_loadu_epi8(m, p);
	_mm512_mask_storeu_epi8(p, m, _mm512_xor_si512(x, _mm512_set1_epi32((int)key)));
}

__attribute__((target("avx512f,avx512bw")))
void hyp_unmask_avx512(uint8_t *p, size_t n, uint32_t key)
{
	if (n >= ALIGN_FROM) {
		size_t head = unmask_head(p, n, 64);
		part512(p, head, key);
		key = unmask_turn(key, head);
		p += head;
		n -= head;
	}
	__m512i k = _mm512_set1_epi32((int)key);
	for (; n >= 256; p += 256, n -= 256) {
		__m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
		__m512i c = _mm512_loadu_si512(p + 128), d = _mm512_loadu_si512(p + 192);
		_mm512_storeu_si512(p, _mm512_xor_si512(a, k));
		_mm512_storeu_si512(p + 64, _mm512_xor_si512(b, k));
		_mm512_storeu_si512(p + 128, _mm512_xor_si512(c, k));
		_mm512_storeu_si512(p + 192, _mm512_xor_si512(d, k));
	}
	for (; n >= 64; p += 64, n -= 64)
		_mm512_storeu_si512(p, _mm512_xor_si512(_mm512_loadu_si512(p), k));
	part512(p, n, key);
}
