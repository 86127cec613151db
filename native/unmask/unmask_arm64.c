//go:build cgo && !purego

#include "unmask.h"

#include "unmask_tail.h"

#include <arm_neon.h>

void hyp_unmask_neon(uint8_t *p, size_t n, uint32_t key)
{
	uint8x16_t k = vreinterpretq_u8_u32(vdupq_n_u32(key));

	for (; n >= 64; p += 64, n -= 64) {
		uint8x16_t a = vld1q_u8(p), b = vld1q_u8(p + 16);
		uint8x16_t c = vld1q_u8(p + 32), d = vld1q_u8(p + 48);
		vst1q_u8(p, veorq_u8(a, k));
		vst1q_u8(p + 16, veorq_u8(b, k));
		vst1q_u8(p + 32, veorq_u8(c, k));
		vst1q_u8(p + 48, veorq_u8(d, k));
	}
	unmask_tail(p, n, key);
}
