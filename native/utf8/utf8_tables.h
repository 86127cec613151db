/* What all variants share: three tables, and the step back to a character.
 *
 * A vector is checked as Keiser and Lemire describe in "Validating UTF-8 In Less
 * Than One Instruction Per Byte" (2021): what can be wrong with two bytes that
 * follow each other is a bit in the entries of each of three tables, by the high
 * and the low half of the first byte and by the high half of the second. It is
 * wrong if all three have the bit. A second continuation is wrong as well, unless
 * two or three bytes before starts a character of three or four. */
#ifndef HYP_UTF8_TABLES_H
#define HYP_UTF8_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum {
	BLOCK = 64, /* bytes that are looked at before the next decision */

	TOO_SHORT = 1 << 0,  /* a start, then no continuation */
	TOO_LONG = 1 << 1,   /* ASCII, then a continuation */
	OVERLONG_3 = 1 << 2, /* E0, then 80 to 9F */
	TOO_LARGE = 1 << 3,  /* F4, then 90 to BF; F5 and above, then 90 to BF */
	SURROGATE = 1 << 4,  /* ED, then A0 to BF */
	OVERLONG_2 = 1 << 5, /* C0 or C1 */
	OVERLONG_4 = 1 << 6, /* F0, then 80 to 8F; or F5 and above, then the same */
	TWO = 1 << 7,        /* two continuations; the only one that may be right */

	ANY = TOO_SHORT | TOO_LONG | TWO, /* says nothing about the low half */
	HIGH = ANY | TOO_LARGE | OVERLONG_4,
};

static const uint8_t FIRST_HIGH[16] = {
	TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
	TWO, TWO, TWO, TWO,
	TOO_SHORT | OVERLONG_2,
	TOO_SHORT,
	TOO_SHORT | OVERLONG_3 | SURROGATE,
	TOO_SHORT | TOO_LARGE | OVERLONG_4,
};

static const uint8_t FIRST_LOW[16] = {
	ANY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
	ANY | OVERLONG_2,
	ANY, ANY,
	ANY | TOO_LARGE,
	HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH,
	HIGH | SURROGATE,
	HIGH, HIGH,
};

static const uint8_t SECOND_HIGH[16] = {
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
	TOO_LONG | TWO | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
	TOO_LONG | TWO | OVERLONG_2 | OVERLONG_3 | TOO_LARGE,
	TOO_LONG | TWO | OVERLONG_2 | SURROGATE | TOO_LARGE,
	TOO_LONG | TWO | OVERLONG_2 | SURROGATE | TOO_LARGE,
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
};

/* The last bytes of a vector are over these where a character is not whole. */
static const uint8_t LAST[32] = {
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xf0 - 1, 0xe0 - 1, 0xc0 - 1,
};

/* The start of the character that goes on at p[at], or at. All before is right. */
static inline size_t utf8_boundary(const uint8_t *p, size_t at)
{
	for (size_t back = 1; back <= 3 && back <= at; back++) {
		uint8_t c = p[at - back];
		if (c >= 0xc0)
			return (c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2) > back ? at - back : at;
		if (c < 0x80)
			break;
	}
	return at;
}

#endif
