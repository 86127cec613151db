/* Encodes and decodes header blocks with libnghttp2, for package hpack's
 * TestInterop_libnghttp2. A command is a letter and a number of 4 octets, as the machine has it:
 *
 *   R size    a new connection; its encoder has at most so large a table
 *   E size    the encoder's peer allows this size from now on
 *   D size    the decoder allows this size from now on
 *   e count   so many fields follow: sensitive (1 octet), name, value; encode
 *             them, and answer with the block
 *   d length  a block of this length follows: decode it, and answer with the
 *             number of fields and the fields, or with the error
 *
 * Strings have their length, 4 octets, before them. An error is a negative number. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

/* What is used of nghttp2.h. */
typedef struct nghttp2_hd_deflater nghttp2_hd_deflater;
typedef struct nghttp2_hd_inflater nghttp2_hd_inflater;
typedef struct {
	uint8_t *name, *value;
	size_t namelen, valuelen;
	uint8_t flags;
} nghttp2_nv;
enum { INFLATE_FINAL = 1, INFLATE_EMIT = 2 };
int nghttp2_hd_deflate_new(nghttp2_hd_deflater **, size_t);
void nghttp2_hd_deflate_del(nghttp2_hd_deflater *);
int nghttp2_hd_deflate_change_table_size(nghttp2_hd_deflater *, size_t);
ssize_t nghttp2_hd_deflate_hd(nghttp2_hd_deflater *, uint8_t *, size_t, const nghttp2_nv *, size_t);
int nghttp2_hd_inflate_new(nghttp2_hd_inflater **);
void nghttp2_hd_inflate_del(nghttp2_hd_inflater *);
int nghttp2_hd_inflate_change_table_size(nghttp2_hd_inflater *, size_t);
ssize_t nghttp2_hd_inflate_hd2(nghttp2_hd_inflater *, nghttp2_nv *, int *, const uint8_t *, size_t, int);
int nghttp2_hd_inflate_end_headers(nghttp2_hd_inflater *);

enum { MAX_FIELDS = 1 << 10, MAX_BLOCK = 1 << 22 };

static nghttp2_hd_deflater *encoder;
static nghttp2_hd_inflater *decoder;
static uint8_t block[MAX_BLOCK], text[MAX_BLOCK];
static nghttp2_nv fields[MAX_FIELDS];

static void need(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "nghttp2: %s\n", what);
		exit(1);
	}
}

static void take(void *p, size_t n) { need(fread(p, 1, n, stdin) == n, "the input ends"); }

static void put(FILE *to, const void *p, size_t n) { need(fwrite(p, 1, n, to) == n, "no more output"); }

static void put_number(FILE *to, int32_t n) { put(to, &n, 4); }

static void put_string(FILE *to, const uint8_t *s, size_t n)
{
	put_number(to, (int32_t)n);
	put(to, s, n);
}

static uint8_t *take_string(uint8_t *at, size_t *n)
{
	uint32_t size;
	take(&size, 4);
	need(size <= (size_t)(text + sizeof text - at), "strings too long");
	take(at, size);
	*n = size;
	return at + size;
}

static void connection(uint32_t size)
{
	if (encoder != NULL) {
		nghttp2_hd_deflate_del(encoder);
		nghttp2_hd_inflate_del(decoder);
	}
	need(nghttp2_hd_deflate_new(&encoder, size) == 0 && nghttp2_hd_inflate_new(&decoder) == 0, "no memory");
}

static void encode(uint32_t count)
{
	uint8_t *at = text;
	need(count <= MAX_FIELDS, "too many fields");
	for (uint32_t i = 0; i < count; i++) {
		nghttp2_nv *f = &fields[i];
		take(&f->flags, 1);
		f->name = at;
		f->value = at = take_string(at, &f->namelen);
		at = take_string(at, &f->valuelen);
	}
	ssize_t n = nghttp2_hd_deflate_hd(encoder, block, sizeof block, fields, count);
	if (n < 0)
		put_number(stdout, (int32_t)n);
	else
		put_string(stdout, block, (size_t)n);
}

/* The strings that nghttp2 returns are good until the next call, so fields are
 * written to a buffer until their number is known. */
static void decode(uint32_t size)
{
	char *answer;
	size_t length;
	int32_t count = 0;
	FILE *list = open_memstream(&answer, &length);
	ssize_t n;

	need(list != NULL && size <= sizeof block, "block too long");
	take(block, size);
	for (size_t in = 0;;) {
		nghttp2_nv f;
		int flags = 0;
		n = nghttp2_hd_inflate_hd2(decoder, &f, &flags, block + in, size - in, 1);
		if (n < 0)
			break;
		in += (size_t)n;
		if (flags & INFLATE_EMIT) {
			put(list, &f.flags, 1);
			put_string(list, f.name, f.namelen);
			put_string(list, f.value, f.valuelen);
			count++;
		} else if (flags & INFLATE_FINAL || in == size) {
			nghttp2_hd_inflate_end_headers(decoder);
			break;
		}
	}
	fclose(list);
	put_number(stdout, n < 0 ? (int32_t)n : count);
	if (n >= 0)
		put(stdout, answer, length);
	free(answer);
}

int main(void)
{
	uint8_t command;
	uint32_t n;

	connection(4096);
	while (fread(&command, 1, 1, stdin) == 1) {
		take(&n, 4);
		switch (command) {
		case 'R': connection(n); break;
		case 'E': need(nghttp2_hd_deflate_change_table_size(encoder, n) == 0, "size"); break;
		case 'D': need(nghttp2_hd_inflate_change_table_size(decoder, n) == 0, "size"); break;
		case 'e': encode(n); break;
		case 'd': decode(n); break;
		default: need(0, "unknown command");
		}
		fflush(stdout);
	}
	return 0;
}
