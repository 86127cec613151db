//go:build cgo && !purego

#include "utf8.h"

#include "utf8_tables.h"

#include <arm_neon.h>

/* What is wrong with the bytes of now, behind those of before: all 0 if nothing. */
static inline uint8x16_t wrong(uint8x16_t now, uint8x16_t before)
{
	uint8x16_t low = vdupq_n_u8(0x0f);
	uint8x16_t one = vextq_u8(before, now, 15);
	uint8x16_t bits = vandq_u8(
		vandq_u8(vqtbl1q_u8(vld1q_u8(FIRST_HIGH), vshrq_n_u8(one, 4)),
			vqtbl1q_u8(vld1q_u8(FIRST_LOW), vandq_u8(one, low))),
		vqtbl1q_u8(vld1q_u8(SECOND_HIGH), vshrq_n_u8(now, 4)));
	uint8x16_t third = vqsubq_u8(vextq_u8(before, now, 14), vdupq_n_u8(0xe0 - 0x80));
	uint8x16_t fourth = vqsubq_u8(vextq_u8(before, now, 13), vdupq_n_u8(0xf0 - 0x80));
	return veorq_u8(vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80)), bits);
}

size_t hyp_utf8_neon(const uint8_t *p, size_t n)
{
	uint8x16_t before = vdupq_n_u8(0), last = vld1q_u8(LAST + 16);
	size_t at = 0;

	for (; n - at >= BLOCK; at += BLOCK) {
		uint8x16_t a = vld1q_u8(p + at), b = vld1q_u8(p + at + 16);
		uint8x16_t c = vld1q_u8(p + at + 32), d = vld1q_u8(p + at + 48);
		uint8x16_t bad;
		if (vmaxvq_u8(vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d))) < 0x80)
			bad = vqsubq_u8(before, last);
		else
			bad = vorrq_u8(vorrq_u8(wrong(a, before), wrong(b, a)), vorrq_u8(wrong(c, b), wrong(d, c)));
		if (vmaxvq_u8(bad) != 0)
			break;
		before = d;
	}
	return utf8_boundary(p, at);
}
