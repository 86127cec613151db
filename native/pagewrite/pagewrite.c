//go:build linux && cgo && !purego

#define _GNU_SOURCE
#include "pagewrite.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { MAX_IOV = 1 + 3 * HYP_PAGEWRITE_MAX };

/* What is still to be written. */
struct gather {
	struct iovec iov[MAX_IOV];
	size_t first, end;
};

/* Appends len bytes less the first *skip, and takes those off *skip. */
static void append(struct gather *g, const uint8_t *bytes, size_t len, size_t *skip)
{
	if (*skip >= len) {
		*skip -= len;
		return;
	}
	g->iov[g->end].iov_base = (void *)(bytes + *skip);
	g->iov[g->end].iov_len = len - *skip;
	g->end++;
	*skip = 0;
}

static void gather(struct gather *g, const struct hyp_pages *p, size_t skip)
{
	g->first = g->end = 0;
	append(g, p->ahead, p->ahead_len, &skip);
	for (size_t i = 0; i < p->n && i < HYP_PAGEWRITE_MAX; i++) {
		const struct hyp_page *page = &p->page[i];
		size_t tail = page->date + HYP_PAGEWRITE_DATE;
		append(g, page->bytes, page->date, &skip);
		append(g, p->date, HYP_PAGEWRITE_DATE, &skip);
		append(g, page->bytes + tail, page->len - tail, &skip);
	}
}

/* Takes off the n bytes that have left. */
static void advance(struct gather *g, size_t n)
{
	while (g->first < g->end && n >= g->iov[g->first].iov_len)
		n -= g->iov[g->first++].iov_len;
	if (g->first < g->end) {
		g->iov[g->first].iov_base = (uint8_t *)g->iov[g->first].iov_base + n;
		g->iov[g->first].iov_len -= n;
	}
}

ssize_t hyp_pagewrite(int fd, struct hyp_pages p, size_t skip, int *err)
{
	struct gather g;
	ssize_t done = 0;
	bool socket = true;

	gather(&g, &p, skip);
	while (g.first < g.end) {
		ssize_t n;
		if (socket) {
			struct msghdr m = {.msg_iov = g.iov + g.first, .msg_iovlen = g.end - g.first};
			n = sendmsg(fd, &m, MSG_NOSIGNAL);
		} else {
			n = writev(fd, g.iov + g.first, (int)(g.end - g.first));
		}
		if (n >= 0) {
			done += n;
			advance(&g, (size_t)n);
		} else if (errno == ENOTSOCK && socket) {
			socket = false;
		} else if (errno != EINTR) {
			*err = errno;
			return *err == EAGAIN || done > 0 ? done : -1;
		}
	}
	*err = 0;
	return done;
}
