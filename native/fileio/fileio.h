/* The bytes of a file leave behind the head of a response, by sendfile(2).
 *
 * hyp_fileio_send sends, in this order, the head and n bytes of the file src
 * from offset off. Where n is less than a round, the head goes with MSG_MORE, so
 * that the first bytes of the file share a packet with it; a longer piece gains
 * nothing by that. The file goes in rounds of HYP_FILEIO_ROUND, until all has
 * left, the socket takes no more, or the file ends too early.
 *
 * It never blocks on the socket: dst must be non-blocking. It may block on the
 * disk that src lies on, as a system call does. It is stateless, allocates and
 * keeps nothing and calls nobody back. The caller owns all memory and both
 * descriptors; they must stay what they are until the call returns, no longer.
 * Safe for any number of threads. A socket whose peer has gone raises SIGPIPE
 * in sendfile(2), which has no flag against it: the process must ignore it.
 */
#ifndef HYP_FILEIO_H
#define HYP_FILEIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/* Bytes a round: enough to amortise the call, little enough that one
	 * connection does not hold the processor for long. */
	HYP_FILEIO_ROUND = 256 << 10,
};

/* Returns how many bytes left in this call, of the head and then of the file,
 * and in *err why no more did:
 *   0        all have left; or sendfile(2) refused to go on: call again with the
 *            rest, and the result will be -2
 *   EAGAIN   the socket takes no more for now: wait, and call again with the rest
 *   ENODATA  the file has ended
 *   another  that error
 * Returns -1 when an error other than EAGAIN let no byte leave, and -2 when
 * no byte left because sendfile(2) is not for these descriptors or not for this
 * kernel (EINVAL, ENOSYS, EOPNOTSUPP): then another way has to do it. */
ssize_t hyp_fileio_send(int dst, int src, const uint8_t *head, size_t head_len,
                        int64_t off, size_t n, int *err);

#endif
