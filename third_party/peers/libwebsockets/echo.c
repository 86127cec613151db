/* echo is a server of libwebsockets for the WebSocket rows: /ws sends every message back, /ws-topic sends it
 * to all that asked for /ws-topic. With a certificate it speaks TLS, and HTTP/2 if the client does.
 *
 *     echo PORT [CERT KEY]
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 1 << 20,  /* of a message */
    WAITING = 64,     /* messages of a session that are to be sent back */
    POSTS = 64,       /* published messages that are kept for who has not got them yet */
    POST_BYTES = 4096 /* of one */
};

/* A message that has come, or is about to. */
typedef struct message {
    struct message *next;
    size_t n;
    int binary;
    unsigned char p[]; /* behind LWS_PRE bytes */
} message;

/* A session has the messages that are to be sent back; while too many wait nothing more is read. */
typedef struct {
    message *coming, *first, **end;
    int waiting, topic;
    unsigned sent; /* posts that this one has got */
} session;

static struct {
    unsigned char p[LWS_PRE + POST_BYTES];
    size_t n;
    int binary;
} posts[POSTS];
static unsigned posted;

static int established(struct lws *wsi, session *s) {
    char path[32] = "";
    memset(s, 0, sizeof *s);
    s->end = &s->first;
    s->sent = posted;
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    s->topic = !strcmp(path, "/ws-topic");
    return 0;
}

static void publish(struct lws *wsi, const message *m) {
    memcpy(posts[posted % POSTS].p + LWS_PRE, m->p + LWS_PRE, m->n);
    posts[posted % POSTS].n = m->n;
    posts[posted % POSTS].binary = m->binary;
    posted++;
    lws_callback_on_writable_all_protocol(lws_get_context(wsi), lws_get_protocol(wsi));
}

/* received gathers a message, which comes in pieces of what the library reads. */
static int received(struct lws *wsi, session *s, const void *p, size_t n) {
    size_t had = s->coming ? s->coming->n : 0;
    if (had + n > (s->topic ? POST_BYTES : BYTES)) return -1;
    message *m = realloc(s->coming, sizeof *m + LWS_PRE + had + n);
    if (!m) return -1;
    memcpy(m->p + LWS_PRE + had, p, n);
    *m = (message){NULL, had + n, lws_frame_is_binary(wsi)};
    s->coming = m;
    if (!lws_is_final_fragment(wsi)) return 0;
    s->coming = NULL;
    if (s->topic) {
        publish(wsi, m);
        free(m);
        return 0;
    }
    *s->end = m;
    s->end = &m->next;
    if (++s->waiting == WAITING) lws_rx_flow_control(wsi, 0);
    lws_callback_on_writable(wsi);
    return 0;
}

static int send_message(struct lws *wsi, unsigned char *p, size_t n, int binary) {
    return lws_write(wsi, p + LWS_PRE, n, binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int writable(struct lws *wsi, session *s) {
    if (s->topic) {
        if (s->sent == posted) return 0;
        if (posted - s->sent > POSTS) return -1; /* too slow */
        unsigned i = s->sent++ % POSTS;
        if (send_message(wsi, posts[i].p, posts[i].n, posts[i].binary)) return -1;
        if (s->sent != posted) lws_callback_on_writable(wsi);
        return 0;
    }
    message *m = s->first;
    if (!m) return 0;
    if (!(s->first = m->next)) s->end = &s->first;
    int failed = send_message(wsi, m->p, m->n, m->binary);
    free(m);
    if (s->waiting-- == WAITING) lws_rx_flow_control(wsi, 1);
    if (s->first) lws_callback_on_writable(wsi);
    return failed;
}

static void closed(session *s) {
    free(s->coming);
    for (message *m = s->first, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    memset(s, 0, sizeof *s);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return established(wsi, s);
    case LWS_CALLBACK_RECEIVE:
        return received(wsi, s, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return writable(wsi, s);
    case LWS_CALLBACK_CLOSED:
        closed(s);
        return 0;
    default:
        return 0;
    }
}

int main(int argc, char **argv) {
    static const struct lws_protocols protocols[] = {{"echo", callback, sizeof(session), 65536, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info;
    if (argc < 2) return 2;
    memset(&info, 0, sizeof info);
    lws_set_log_level(LLL_ERR, NULL);
    info.port = atoi(argv[1]);
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
#ifdef LWS_WITH_LIBUV
    info.options |= LWS_SERVER_OPTION_LIBUV;
#endif
    info.pt_serv_buf_size = 65536;
    if (argc > 3) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = argv[2];
        info.ssl_private_key_filepath = argv[3];
        info.alpn = "h2,http/1.1";
    }
    struct lws_context *context = lws_create_context(&info);
    if (!context) return 1;
    signal(SIGTERM, SIG_DFL); /* the library's handler ends the loop, but not the program */
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
