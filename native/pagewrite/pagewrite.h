/* Prebuilt HTTP responses ("pages") leave in one system call.
 *
 * A page is a whole response in one buffer with a slot for the Date field's
 * value. Nobody writes into the slot: a page has many senders at a time. The
 * date is gathered into its place on the way out.
 *
 * hyp_pagewrite writes, in this order and by one sendmsg(MSG_NOSIGNAL) or, when
 * fd is no socket, one writev: the bytes ahead of the pages, then each page with
 * the date in its slot. It goes on after a short write until all has left or
 * the descriptor takes no more.
 *
 * It never blocks: fd must be non-blocking. It is stateless, allocates and keeps
 * nothing, calls nobody back and raises no SIGPIPE for a socket. The caller owns
 * all memory; it must stay unchanged until the call returns, no longer. Safe
 * for any number of threads, also with the same pages.
 */
#ifndef HYP_PAGEWRITE_H
#define HYP_PAGEWRITE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	HYP_PAGEWRITE_MAX = 16,  /* pages a call takes at most */
	HYP_PAGEWRITE_DATE = 29, /* bytes of an IMF-fixdate (RFC 9110 section 5.6.7) */
};

struct hyp_page {
	const uint8_t *bytes;
	size_t len;  /* how much of it is sent */
	size_t date; /* where the slot starts; the slot ends within len */
};

/* Passed by value, so that each pointer is an argument of the call: cgo pins
 * what arguments point to, and not what memory of Go points to in turn. */
struct hyp_pages {
	const uint8_t *ahead; /* ahead_len bytes that leave before the pages */
	size_t ahead_len;
	const uint8_t *date; /* HYP_PAGEWRITE_DATE bytes */
	size_t n;            /* of page[] */
	struct hyp_page page[HYP_PAGEWRITE_MAX];
};

/* Writes from byte skip of the sequence on. Returns how many bytes left in this
 * call, and in *err 0 when the sequence has left whole; EAGAIN when fd takes
 * no more for now (then wait, and call again with skip grown by the result);
 * else the error. Returns -1 when an error other than EAGAIN let none leave. */
ssize_t hyp_pagewrite(int fd, struct hyp_pages p, size_t skip, int *err);

#endif
