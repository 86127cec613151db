//go:build linux && cgo && !purego

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "fileio.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

/* What a call that did not fail returns. */
static ssize_t stopped(size_t done, int why, int *err)
{
	*err = why;
	return (ssize_t)done;
}

/* What a call returns after an error. */
static ssize_t failed(size_t done, int why, int *err)
{
	if (why == EAGAIN || why == ENODATA || done > 0)
		return stopped(done, why, err);
	*err = why;
	return -1;
}

static bool refused(int why)
{
	return why == EINVAL || why == ENOSYS || why == EOPNOTSUPP;
}

ssize_t hyp_fileio_send(int dst, int src, const uint8_t *head, size_t head_len,
                        int64_t off, size_t n, int *err)
{
	const bool shared = n > 0 && n < HYP_FILEIO_ROUND;
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (shared ? MSG_MORE : 0);
	size_t done = 0;

	while (done < head_len) {
		ssize_t m = send(dst, head + done, head_len - done, flags);
		if (m >= 0)
			done += (size_t)m;
		else if (errno != EINTR)
			return failed(done, errno, err);
	}
	const size_t all = head_len + n;
	off_t at = off;
	while (done < all) {
		size_t round = all - done;
		if (round > HYP_FILEIO_ROUND)
			round = HYP_FILEIO_ROUND;
		ssize_t m = sendfile(dst, src, &at, round);
		if (m > 0)
			done += (size_t)m;
		else if (m == 0)
			return failed(done, ENODATA, err);
		else if (refused(errno))
			return done > 0 ? stopped(done, 0, err) : -2;
		else if (errno != EINTR)
			return failed(done, errno, err);
	}
	return stopped(done, 0, err);
}
