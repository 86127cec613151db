// The limit: what one thread of C with epoll pays for the system calls alone.
//
//     epoll PORT BODY [close | sse EVENTS]
//
// It reads no more of a request than its end (CRLFCRLF) and writes a canned
// answer with BODY bytes of body. "close" ends the connection after each
// answer; "sse" answers with EVENTS chunks of one 50-byte event each, every one
// in a write of its own and stamped with the time at which it is made.
// Pipelined requests are answered with one writev.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 1 << 17, BATCH = 64 };

struct conn {
    long owed;       // answers (sse: pieces) not yet written whole
    size_t off;      // bytes of the first one that are written
    char piece[64];  // sse: the piece at hand, piece_len bytes
    size_t piece_len;
    int matched;     // how much of CRLFCRLF the last read ended with
    int waiting;     // EPOLLOUT is asked for
};

static struct conn *conns;  // by descriptor
static char *answer;        // sse: only the head
static size_t answer_len;
static long events;         // sse: events in a stream; 0 means a plain answer
static int closing;
static int ep;

static void end(int fd) {
    close(fd);
    memset(&conns[fd], 0, sizeof conns[fd]);
}

static void want(int fd, int out) {
    struct epoll_event e = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.fd = fd};
    if (conns[fd].waiting == out) return;
    conns[fd].waiting = out;
    epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

// write_answers returns 1 when nothing is owed, 0 when the socket is full, -1 on error.
static int write_answers(int fd, struct conn *c) {
    while (c->owed > 0) {
        struct iovec v[BATCH];
        int n = c->owed < BATCH ? (int)c->owed : BATCH;
        for (int i = 0; i < n; i++) v[i] = (struct iovec){answer, answer_len};
        v[0].iov_base = answer + c->off;
        v[0].iov_len -= c->off;
        ssize_t w = n == 1 ? write(fd, v[0].iov_base, v[0].iov_len) : writev(fd, v, n);
        if (w < 0) return errno == EAGAIN ? 0 : -1;
        c->off += (size_t)w;
        c->owed -= (long)(c->off / answer_len);
        c->off %= answer_len;
    }
    return 1;
}

// next_piece makes the piece that comes when `owed` are left of a stream: the
// head, the events, the last chunk.
static void next_piece(struct conn *c) {
    long at = c->owed % (events + 2);
    c->off = 0;
    if (at == 0) {
        c->piece_len = 0;  // the head is `answer` itself
    } else if (at == 1) {
        c->piece_len = 5;
        memcpy(c->piece, "0\r\n\r\n", 5);
    } else {
        static const char event[] = "32\r\ndata: 0000000000000000000.......................\n\n\r\n";
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        c->piece_len = sizeof event - 1;
        memcpy(c->piece, event, sizeof event - 1);
        long ns = t.tv_sec * 1000000000L + t.tv_nsec;
        for (char *d = c->piece + 28; ns; ns /= 10) *d-- = (char)('0' + ns % 10);
    }
}

// write_stream is write_answers for sse.
static int write_stream(int fd, struct conn *c) {
    while (c->owed > 0) {
        const char *p = c->piece_len ? c->piece : answer;
        size_t len = c->piece_len ? c->piece_len : answer_len;
        ssize_t w = write(fd, p + c->off, len - c->off);
        if (w < 0) return errno == EAGAIN ? 0 : -1;
        c->off += (size_t)w;
        if (c->off < len) continue;
        c->owed--;
        next_piece(c);
    }
    return 1;
}

// count_ends counts CRLFCRLF in what was read, across reads.
static long count_ends(struct conn *c, const char *p, const char *stop) {
    static const char mark[] = "\r\n\r\n";
    long n = 0;
    for (; c->matched && p < stop; p++) {
        if (*p == mark[c->matched]) {
            if (++c->matched == 4) n++, c->matched = 0;
        } else {
            c->matched = *p == '\r';
        }
    }
    for (const char *q; (q = memmem(p, (size_t)(stop - p), mark, 4)); p = q + 4) n++;
    for (int k = stop - p < 3 ? (int)(stop - p) : 3; k > 0; k--)
        if (memcmp(stop - k, mark, (size_t)k) == 0) {
            c->matched = k;
            break;
        }
    return n;
}

static void serve(int fd, unsigned ready) {
    static char buf[16384];
    struct conn *c = &conns[fd];
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t r = read(fd, buf, sizeof buf);
        if (r < 0 && errno == EAGAIN) r = 0;
        else if (r <= 0) return end(fd);
        long n = count_ends(c, buf, buf + r);
        if (events && n && !c->owed) c->piece_len = c->off = 0;
        c->owed += events ? n * (events + 2) : n;
    }
    int owing = c->owed > 0;
    int done = events ? write_stream(fd, c) : write_answers(fd, c);
    if (done < 0 || (done > 0 && owing && closing)) return end(fd);
    want(fd, !done);
}

static void accept_all(int l) {
    int one = 1;
    for (int fd; (fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    }
}

static void can_answer(size_t body) {
    answer = malloc(body + 512);
    int h = snprintf(answer, 512, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: %s\r\n%s",
                     events ? "text/event-stream" : "text/plain; charset=utf-8", closing ? "Connection: close\r\n" : "");
    if (events) {
        answer_len = (size_t)h + (size_t)snprintf(answer + h, 64, "Transfer-Encoding: chunked\r\n\r\n");
        return;
    }
    h += snprintf(answer + h, 64, "Content-Length: %zu\r\n\r\n", body);
    memset(answer + h, 'x', body);
    if (body == 5) memcpy(answer + h, "hello", 5);
    answer_len = (size_t)h + body;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: epoll PORT BODY [close | sse EVENTS]\n");
        return 2;
    }
    closing = argc > 3 && strcmp(argv[3], "close") == 0;
    events = argc > 4 && strcmp(argv[3], "sse") == 0 ? atol(argv[4]) : 0;
    can_answer((size_t)atol(argv[2]));
    conns = calloc(MAX_FD, sizeof *conns);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);

    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 4096)) {
        perror("epoll");
        return 1;
    }
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = l}, ev[256];
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
    for (;;) {
        int n = epoll_wait(ep, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            if (ev[i].data.fd == l) accept_all(l);
            else serve(ev[i].data.fd, ev[i].events);
        }
    }
}
