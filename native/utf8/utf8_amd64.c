//go:build cgo && !purego

#include "utf8.h"

#include "utf8_tables.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define SSE42 __attribute__((target("sse4.2")))

/* What is wrong with the bytes of now, behind those of before: all 0 if nothing. */
SSE42 static inline __m128i wrong128(__m128i now, __m128i before)
{
	__m128i low = _mm_set1_epi8(0x0f);
	__m128i one = _mm_alignr_epi8(now, before, 15);
	__m128i bits = _mm_and_si128(
		_mm_and_si128(
			_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)FIRST_HIGH), _mm_and_si128(_mm_srli_epi16(one, 4), low)),
			_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)FIRST_LOW), _mm_and_si128(one, low))),
		_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)SECOND_HIGH), _mm_and_si128(_mm_srli_epi16(now, 4), low)));
	__m128i third = _mm_subs_epu8(_mm_alignr_epi8(now, before, 14), _mm_set1_epi8((char)(0xe0 - 0x80)));
	__m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(now, before, 13), _mm_set1_epi8((char)(0xf0 - 0x80)));
	__m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
	return _mm_xor_si128(must, bits);
}

SSE42 size_t hyp_utf8_sse42(const uint8_t *p, size_t n)
{
	__m128i before = _mm_setzero_si128(), last = _mm_loadu_si128((const __m128i *)(LAST + 16));
	size_t at = 0;

	for (; n - at >= BLOCK; at += BLOCK) {
		const __m128i *v = (const __m128i *)(p + at);
		__m128i a = _mm_loadu_si128(v), b = _mm_loadu_si128(v + 1);
		__m128i c = _mm_loadu_si128(v + 2), d = _mm_loadu_si128(v + 3);
		__m128i bad;
		if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0)
			bad = _mm_subs_epu8(before, last);
		else
			bad = _mm_or_si128(_mm_or_si128(wrong128(a, before), wrong128(b, a)),
				_mm_or_si128(wrong128(c, b), wrong128(d, c)));
		if (!_mm_testz_si128(bad, bad))
			break;
		before = d;
	}
	return utf8_boundary(p, at);
}

AVX2 static inline __m256i table256(const uint8_t *t)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)t));
}

AVX2 static inline __m256i wrong256(__m256i now, __m256i before)
{
	__m256i low = _mm256_set1_epi8(0x0f);
	__m256i between = _mm256_permute2x128_si256(before, now, 0x21);
	__m256i one = _mm256_alignr_epi8(now, between, 15);
	__m256i bits = _mm256_and_si256(
		_mm256_and_si256(
			_mm256_shuffle_epi8(table256(FIRST_HIGH), _mm256_and_si256(_mm256_srli_epi16(one, 4), low)),
			_mm256_shuffle_epi8(table256(FIRST_LOW), _mm256_and_si256(one, low))),
		_mm256_shuffle_epi8(table256(SECOND_HIGH), _mm256_and_si256(_mm256_srli_epi16(now, 4), low)));
	__m256i third = _mm256_subs_epu8(_mm256_alignr_epi8(now, between, 14), _mm256_set1_epi8((char)(0xe0 - 0x80)));
	__m256i fourth = _mm256_subs_epu8(_mm256_alignr_epi8(now, between, 13), _mm256_set1_epi8((char)(0xf0 - 0x80)));
	__m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
	return _mm256_xor_si256(must, bits);
}

AVX2 size_t hyp_utf8_avx2(const uint8_t *p, size_t n)
{
	__m256i before = _mm256_setzero_si256(), last = _mm256_loadu_si256((const __m256i *)LAST);
	size_t at = 0;

	for (; n - at >= BLOCK; at += BLOCK) {
		const __m256i *v = (const __m256i *)(p + at);
		__m256i a = _mm256_loadu_si256(v), b = _mm256_loadu_si256(v + 1);
		__m256i bad;
		if (_mm256_movemask_epi8(_mm256_or_si256(a, b)) == 0)
			bad = _mm256_subs_epu8(before, last);
		else
			bad = _mm256_or_si256(wrong256(a, before), wrong256(b, a));
		if (!_mm256_testz_si256(bad, bad))
			break;
		before = b;
	}
	return utf8_boundary(p, at);
}
