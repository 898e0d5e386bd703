/* SPDX-License-Identifier: Apache-2.0 */
/* `listen`: a receiver to try deliveries with. One at a time; what it forwards waits for the answer. */
#include "cli/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/local.h"
#include "cli/profiles.h"
#include "delivery/client.h"
#include "delivery/simple.h"

#define BODY_MAX           ((size_t)64 << 20)
#define HEADERS_MAX        128
#define SECRETS_MAX        8
#define FORWARD_TIMEOUT_MS 30000
#define END_TICK_MS        10

static const struct arg_flag flags[] = {
        {"port", "N", "where to listen; 0: any free port", .def = "8072", .kind = ARG_NUMBER},
        {"address", "ADDRESS", "which address to listen on", .def = "127.0.0.1", .kind = ARG_TEXT},
        {"status", "N", "the status of every answer", .def = "204", .kind = ARG_NUMBER},
        {"delay", "DURATION", "wait before the answer", .def = "0s", .kind = ARG_DURATION},
        {"forward", "URL", "pass it on to here and answer what comes back", .kind = ARG_TEXT},
        {"verify-profile", "NAME", "verify with this profile: standard, myra, metapulse, github, …", .def = "standard",
         .kind = ARG_TEXT},
        {"secret", "SECRET", "verify with this secret", .kind = ARG_LIST},
        {"count", "N", "end after so many deliveries; 0: never", .def = "0", .kind = ARG_NUMBER},
};

static const struct arg_page page = {
        .command = "listen",
        .summary = "Receives deliveries and prints them, until it is interrupted.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .notes =
                "With --json: one object per line. A delivery that does not verify is printed as such and answered all "
                "the same.",
        .example = "postrider listen --port 8072 --secret whsec_… --status 500 --delay 3s",
};

struct listener {
    const struct args *args;
    struct loop *loop;
    struct http_server *server;
    struct profile *profile; /* NULL: no verification */
    struct str secrets[SECRETS_MAX];
    size_t secret_count;
    int64_t left; /* deliveries until the end, 0: no end */
    struct loop_timer end;
    struct loop_io signals;
};

/* ---- answering --------------------------------------------------------------------------------------------------- */

/* An answer that waits. */
struct late {
    struct loop_timer timer;
    struct http_exchange *x;
    int status;
};

static void on_late(struct loop_timer *t)
{
    struct late *late = CONTAINER_OF(t, struct late, timer);
    http_respond(late->x, late->status, NULL, 0, STR(""));
    free(late);
}

static void answer(struct listener *l, struct http_exchange *x, int status, struct str body)
{
    int64_t delay_ms = args_duration_ms(l->args, "delay");
    if (delay_ms == 0) {
        http_respond(x, status, NULL, 0, body);
        return;
    }
    struct late *late = mem_zalloc(1, sizeof *late);
    late->timer.on_fire = on_late;
    late->x = x;
    late->status = status;
    loop_timer_set(l->loop, &late->timer, loop_now_ms(l->loop) + delay_ms);
}

static void on_end(struct loop_timer *t)
{
    struct listener *l = CONTAINER_OF(t, struct listener, end);
    if (http_server_connections(l->server) == 0)
        loop_stop(l->loop);
    else
        loop_timer_set(l->loop, t, loop_now_ms(l->loop) + END_TICK_MS);
}

/* ---- verifying and forwarding ------------------------------------------------------------------------------------ */

static void verify(struct listener *l, struct arena *a, struct http_exchange *x, struct listen_seen *seen)
{
    static struct profile_header headers[HEADERS_MAX];
    const struct http_request *q = seen->rq;
    struct str host = http_exchange_header(x, STR("host"));
    struct profile_request rq = {.headers = headers, .body = q->body, .method = q->method_text, .now_ms = seen->at_ms};
    for (size_t i = 0; i < q->header_count && i < HEADERS_MAX; i++)
        headers[rq.header_count++] = (struct profile_header){q->headers[i].name, q->headers[i].value};
    rq.url = arena_printf(a, "http://" STR_FMT STR_FMT "%s" STR_FMT, STR_ARG(host), STR_ARG(q->path),
                          q->query.len > 0 ? "?" : "", STR_ARG(q->query));
    rq.tolerance_s = 300;
    seen->checked = true;
    const char *why = NULL;
    enum err e = profile_verify(l->profile, l->secrets, l->secret_count, &rq, &why);
    seen->reason = e == ERR_OK ? NULL : why;
}

static bool is_of_the_hop(struct str name)
{
    static const char *const names[] = {"host",    "content-length", "connection", "keep-alive", "transfer-encoding",
                                        "upgrade", "expect",         "te",         "trailer",    "proxy-connection"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_c(names[i])))
            return true;
    return false;
}

static void forward(struct arena *a, const char *url, struct listen_seen *seen, struct simple_answer *got)
{
    const char *headers[HEADERS_MAX];
    const struct http_request *q = seen->rq;
    struct simple_request r = {.method = arena_cstr(a, q->method_text),
                               .url = url,
                               .headers = headers,
                               .body = q->body,
                               .timeout_ms = FORWARD_TIMEOUT_MS};
    for (size_t i = 0; i < q->header_count && r.header_count < HEADERS_MAX; i++)
        if (!is_of_the_hop(q->headers[i].name))
            headers[r.header_count++] =
                    arena_printf(a, STR_FMT ": " STR_FMT, STR_ARG(q->headers[i].name), STR_ARG(q->headers[i].value))
                            .ptr;
    seen->status = 502;
    if (simple_send(&r, got, &seen->forward_trouble) == ERR_OK) {
        seen->forward_trouble = NULL;
        seen->status = got->status;
    }
}

static void on_request(struct http_exchange *x, void *arg)
{
    struct listener *l = arg;
    struct arena *a = arena_new(16384);
    struct simple_answer got = {.status = 0};
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct listen_seen seen = {.rq = http_exchange_request(x),
                               .at_ms = (int64_t)now.tv_sec * TIME_SECOND_MS + now.tv_nsec / 1000000,
                               .status = (int)args_number(l->args, "status")};
    const char *url = args_text(l->args, "forward");
    if (l->profile != NULL)
        verify(l, a, x, &seen);
    if (url != NULL)
        forward(a, url, &seen, &got);
    listen_print(&seen, l->args->json);
    answer(l, x, seen.status, buf_str(&got.body));
    simple_answer_fini(&got);
    arena_free(a);
    if (ferror(stdout))
        loop_stop(l->loop); /* nobody reads any more */
    if (l->left > 0 && --l->left == 0) {
        http_server_drain(l->server);
        loop_timer_set(l->loop, &l->end, loop_now_ms(l->loop));
    }
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static unsigned port_of(int fd)
{
    struct sockaddr_in6 sa = {.sin6_port = 0}; /* the port stands at the same place in both families */
    socklen_t len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return 0;
    return ntohs(sa.sin6_port);
}

static void on_signal(struct loop_io *io, unsigned events)
{
    (void)events;
    loop_stop(CONTAINER_OF(io, struct listener, signals)->loop);
}

static void watch_signals(struct listener *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    l->signals = (struct loop_io){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .on_ready = on_signal};
    if (l->signals.fd < 0)
        return; /* then they end the process as ever */
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop_io_set(l->loop, &l->signals, LOOP_READ);
}

static int run(struct listener *l, int fd)
{
    struct http_server_config c = {
            .loop = l->loop, .listen_fd = fd, .limits = http_limits_default, .on_request = on_request, .arg = l};
    c.limits.body_bytes_max = BODY_MAX;
    c.limits.buffered_bytes_max = 0;
    l->server = http_server_new(&c);
    l->left = args_number(l->args, "count");
    l->end.on_fire = on_end;
    watch_signals(l);
    fprintf(stderr, "listening on http://%s:%u/\n", args_text(l->args, "address"), port_of(fd));
    loop_run(l->loop);
    return CLI_DONE;
}

/* "host:port", with brackets around IPv6. */
static int open_socket(const struct args *a, int *fd)
{
    struct buf text = BUF_INIT(1024);
    const char *address = args_text(a, "address");
    bool bare6 = strchr(address, ':') != NULL && address[0] != '[';
    buf_addf(&text, bare6 ? "[%s]:%s" : "%s:%s", address, args_text(a, "port"));
    enum err e = http_listen(buf_str(&text), fd);
    int trouble = errno;
    buf_fini(&text);
    if (e == ERR_OK)
        return ARGS_GO_ON;
    if (e == ERR_INVALID)
        return args_refuse(a, "--address %s --port %s is no address to listen on", address, args_text(a, "port"));
    return local_could_not(a, "cannot listen", strerror(trouble));
}

static int check_args(struct listener *l)
{
    const struct args *a = l->args;
    const char *texts[SECRETS_MAX], *why = NULL;
    int64_t status = args_number(a, "status");
    if (status < 200 || status > 599)
        return args_refuse(a, "--status %lld does not fit: write 200 to 599", (long long)status);
    l->secret_count = args_list(a, "secret", texts, ARRAY_LEN(texts));
    if (l->secret_count == 0 && args_given(a, "verify-profile"))
        return args_refuse(a, "--verify-profile needs --secret");
    if (l->secret_count == 0)
        return ARGS_GO_ON;
    int found = profiles_find(a, args_text(a, "verify-profile"), &l->profile);
    for (size_t i = 0; i < l->secret_count && found == ARGS_GO_ON; i++) {
        l->secrets[i] = str_c(texts[i]);
        if (profile_check_secret(l->profile, l->secrets[i], &why) != ERR_OK)
            found = args_refuse(a, "the secret is none of this profile: %s", why);
    }
    return found;
}

int cli_listen(int argc, char **argv)
{
    static struct listener l;
    static struct args a;
    int fd = -1;
    int status = args_read(&page, argc, argv, &a);
    if (status != ARGS_GO_ON)
        return status;
    l = (struct listener){.args = &a};
    status = check_args(&l);
    if (status == ARGS_GO_ON && client_global_init() != ERR_OK)
        status = local_could_not(&a, NULL, "the HTTP client library could not be set up");
    if (status == ARGS_GO_ON)
        status = open_socket(&a, &fd);
    if (status == ARGS_GO_ON && (l.loop = loop_new()) == NULL)
        status = local_could_not(&a, NULL, "the system gives no epoll descriptor");
    /* What still waits for its answer ends with the process. */
    if (status == ARGS_GO_ON)
        status = run(&l, fd);
    if (fd >= 0)
        close(fd);
    profile_free(l.profile);
    return status;
}
