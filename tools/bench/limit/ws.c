/* ws is the limit of the WebSocket rows: one thread, epoll, and what a message takes at least,
 * which is a read, unmasking and a write. It answers the handshake of tools/bench/load with a
 * canned 101, checks nothing, knows no fragments and no compression, and a message must fit the
 * memory that each connection has for as long as it lasts. /ws sends messages back, /ws-topic to all that
 * asked for /ws-topic, and it answers Close.
 *
 *     ws PORT BYTES       BYTES is the size of a message
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 1 << 17 };

typedef struct {
    uint8_t *in;     /* what has come and was not consumed */
    size_t n, at;    /* bytes in it, and of them consumed */
    uint8_t *out;    /* what the peer has not taken */
    size_t left;
    int upgraded, topic;
} conn;

static conn conns[MAX_FD];
static int topic[MAX_FD], members;
static int ep;
static size_t room; /* of in */

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void watch(int fd, int op, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    epoll_ctl(ep, op, fd, &e);
}

static void end(int fd) {
    conn *c = &conns[fd];
    for (int i = 0; i < members; i++)
        if (topic[i] == fd) topic[i] = topic[--members];
    free(c->in);
    free(c->out);
    *c = (conn){0};
    close(fd);
}

/* send_all writes n bytes, and keeps what the peer does not take. */
static void send_all(int fd, const uint8_t *p, size_t n) {
    conn *c = &conns[fd];
    ssize_t w = c->left ? 0 : write(fd, p, n);
    if (w < 0) w = 0;
    if ((size_t)w == n) return;
    if (!c->left) watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    c->out = realloc(c->out, c->left + n - (size_t)w);
    memcpy(c->out + c->left, p + w, n - (size_t)w);
    c->left += n - (size_t)w;
}

static void flush(int fd) {
    conn *c = &conns[fd];
    ssize_t w = write(fd, c->out, c->left);
    if (w < 0) return;
    memmove(c->out, c->out + w, c->left - (size_t)w);
    c->left -= (size_t)w;
    if (!c->left) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void unmask(uint8_t *p, size_t n, const uint8_t key[4]) {
    uint32_t k;
    memcpy(&k, key, 4);
    uint64_t kk = (uint64_t)k << 32 | k, x;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&x, p + i, 8);
        x ^= kk;
        memcpy(p + i, &x, 8);
    }
    for (; i < n; i++) p[i] ^= key[i & 3];
}

/* message consumes a frame and returns where it begins as a frame of a server, in place. NULL: it is
 * not whole. */
static uint8_t *message(conn *c, size_t *size) {
    uint8_t *p = c->in + c->at;
    size_t have = c->n - c->at, head = 2, n;
    if (have < 14 && (have < 6 || (p[1] & 0x7f) > 125)) return NULL;
    n = p[1] & 0x7f;
    if (n == 126) n = (size_t)p[2] << 8 | p[3], head = 4;
    else if (n == 127) n = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9], head = 10;
    if (have < head + 4 + n) return NULL;
    unmask(p + head + 4, n, p + head);
    memmove(p + 4, p, head);
    p[5] &= 0x7f;
    c->at += head + 4 + n;
    *size = head + n;
    return p + 4;
}

/* messages does what the connection has asked for; 0: it has ended. Frames to be sent back are
 * beside one another but for the four bytes of a key, so they are moved together. */
static int messages(int fd) {
    conn *c = &conns[fd];
    uint8_t *p, *first = NULL;
    size_t size, sum = 0;
    while ((p = message(c, &size))) {
        if ((p[0] & 0xf) == 8) {
            send_all(fd, p, size);
            return 0;
        }
        if (c->topic) {
            for (int i = 0; i < members; i++) send_all(topic[i], p, size);
            continue;
        }
        if (!first) first = p;
        else memmove(first + sum, p, size);
        sum += size;
    }
    if (sum) send_all(fd, first, sum);
    return 1;
}

static int upgrade(int fd) {
    conn *c = &conns[fd];
    if (c->n < 4 || memcmp(c->in + c->n - 4, "\r\n\r\n", 4)) return 0;
    if (!memcmp(c->in, "GET /ws-topic ", 14)) c->topic = 1, topic[members++] = fd;
    c->upgraded = 1;
    c->n = 0;
    send_all(fd, (const uint8_t *)answer, sizeof answer - 1);
    return 1;
}

static void serve(int fd, uint32_t events) {
    conn *c = &conns[fd];
    if (events & EPOLLOUT && c->left) flush(fd);
    if (!(events & ~(uint32_t)EPOLLOUT)) return;
    ssize_t r = read(fd, c->in + c->n, room - c->n);
    if (r < 0 && errno == EAGAIN) return;
    if (r <= 0) {
        end(fd);
        return;
    }
    c->n += (size_t)r;
    if (!c->upgraded) {
        upgrade(fd);
        return;
    }
    if (!messages(fd)) {
        end(fd);
        return;
    }
    memmove(c->in, c->in + c->at, c->n - c->at);
    c->n -= c->at;
    c->at = 0;
}

static void accept_all(int l) {
    for (int fd, one = 1; (fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conns[fd].in = malloc(room);
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: ws PORT BYTES\n");
        return 2;
    }
    room = 4096 + 2 * (size_t)atol(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);

    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 4096)) {
        perror("ws");
        return 1;
    }
    ep = epoll_create1(0);
    watch(l, EPOLL_CTL_ADD, EPOLLIN);
    for (struct epoll_event ev[256];;) {
        int n = epoll_wait(ep, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            if (ev[i].data.fd == l) accept_all(l);
            else serve(ev[i].data.fd, ev[i].events);
        }
    }
}
