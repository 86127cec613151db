/* echo is a server of libwebsockets for the WebSocket rows: /ws sends every message back, /ws-topic sends it
 * to all that asked for /ws-topic.
 *
 *     echo PORT
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 1 << 20,  /* of a message */
    POSTS = 64,       /* published messages that are kept for who has not got them yet */
    POST_BYTES = 4096 /* of one */
};

/* A session has the message that is to be sent back; while it waits nothing more is read. */
typedef struct {
    unsigned char *message; /* behind LWS_PRE bytes */
    size_t n;
    int ready, binary, topic;
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
    s->sent = posted;
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    s->topic = !strcmp(path, "/ws-topic");
    return 0;
}

/* received gathers a message, which comes in pieces of what the library reads. */
static int received(struct lws *wsi, session *s, const void *p, size_t n) {
    if (s->n + n > BYTES) return -1;
    unsigned char *grown = realloc(s->message, LWS_PRE + s->n + n);
    if (!grown) return -1;
    s->message = grown;
    memcpy(grown + LWS_PRE + s->n, p, n);
    s->n += n;
    if (!lws_is_final_fragment(wsi)) return 0;
    s->binary = lws_frame_is_binary(wsi);
    if (!s->topic) {
        s->ready = 1;
        lws_rx_flow_control(wsi, 0);
        lws_callback_on_writable(wsi);
        return 0;
    }
    if (s->n > POST_BYTES) return -1;
    memcpy(posts[posted % POSTS].p + LWS_PRE, s->message + LWS_PRE, s->n);
    posts[posted % POSTS].n = s->n;
    posts[posted % POSTS].binary = s->binary;
    posted++;
    s->n = 0;
    lws_callback_on_writable_all_protocol(lws_get_context(wsi), lws_get_protocol(wsi));
    return 0;
}

static int writable(struct lws *wsi, session *s) {
    if (s->topic) {
        if (s->sent == posted) return 0;
        if (posted - s->sent > POSTS) return -1; /* too slow */
        unsigned i = s->sent++ % POSTS;
        if (lws_write(wsi, posts[i].p + LWS_PRE, posts[i].n, posts[i].binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0) return -1;
        if (s->sent != posted) lws_callback_on_writable(wsi);
        return 0;
    }
    if (!s->ready) return 0;
    if (lws_write(wsi, s->message + LWS_PRE, s->n, s->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0) return -1;
    s->ready = 0;
    s->n = 0;
    lws_rx_flow_control(wsi, 1);
    return 0;
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
        free(s->message);
        s->message = NULL;
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
    struct lws_context *context = lws_create_context(&info);
    if (!context) return 1;
    signal(SIGTERM, SIG_DFL); /* the library's handler ends the loop, but not the program */
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
