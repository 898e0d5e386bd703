/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, ask, watch, kill. A run that passes a limit costs its worker; the next run starts another one. A worker that
 * died of something else (somebody killed it) is replaced and the run is made once more.
 */
#include "transform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "transform/call.h"
#include "transform/wire.h"

#define START_MS 10000 /* to load the library from a cold disk */
#define WATCH_MS 4     /* between two looks at what it uses */
/* A worker that has grown by this much between runs is replaced. */
#define GROWN_BYTES ((size_t)32 << 20)
/* Address space per byte of the limit: the engine maps more than it touches; what it touches is watched. */
#define SPACE_FACTOR 2

enum ending { ENDING_NONE, ENDING_TIME, ENDING_CPU, ENDING_MEMORY, ENDING_DEAD };

struct watch {
    clockid_t cpu;
    int64_t cpu_from_ms;
    int64_t until_ms;
    int64_t look_ms; /* next look at memory and CPU */
};

void process_init(struct transform_process *p, const struct transform_limits *limits)
{
    *p = (struct transform_process){.limits = limits, .fd = -1, .frame = BUF_INIT(WIRE_BYTES_MAX + 8)};
}

static int reap(struct transform_process *p)
{
    int status = 0;
    if (p->pid == 0)
        return 0;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(p->fd);
    p->pid = 0;
    p->fd = -1;
    return status;
}

void process_stop(struct transform_process *p)
{
    reap(p);
    buf_fini(&p->frame);
}

static size_t resident_bytes(int pid)
{
    char path[64];
    unsigned long pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int64_t cpu_ms(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? t.tv_sec * 1000 + t.tv_nsec / 1000000 : 0;
}

/* ---- exchange ---------------------------------------------------------------------------------------------------- */

static enum ending look(const struct transform_process *p, struct watch *w, int64_t now_ms)
{
    if (now_ms >= w->until_ms)
        return ENDING_TIME;
    if (now_ms < w->look_ms)
        return ENDING_NONE;
    w->look_ms = now_ms + WATCH_MS;
    if (cpu_ms(w->cpu) - w->cpu_from_ms > p->limits->cpu_ms)
        return ENDING_CPU;
    return resident_bytes(p->pid) > p->idle_bytes + p->limits->memory_bytes ? ENDING_MEMORY : ENDING_NONE;
}

/* Waits until the socket can be read or written. */
static enum ending await(const struct transform_process *p, struct watch *w, short what)
{
    for (;;) {
        struct pollfd at = {.fd = p->fd, .events = what};
        int n = poll(&at, 1, WATCH_MS);
        if (n > 0)
            return ENDING_NONE;
        if (n < 0 && errno != EINTR)
            return ENDING_DEAD;
        enum ending e = look(p, w, clock_mono_ms());
        if (e != ENDING_NONE)
            return e;
    }
}

static enum ending send_all(const struct transform_process *p, struct watch *w, struct str s)
{
    while (s.len > 0) {
        ssize_t n = send(p->fd, s.ptr, s.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            s = str_skip(s, (size_t)n);
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return ENDING_DEAD;
        enum ending e = await(p, w, POLLOUT);
        if (e != ENDING_NONE)
            return e;
    }
    return ENDING_NONE;
}

static enum ending receive(const struct transform_process *p, struct watch *w, char *to, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(p->fd, to, len, MSG_DONTWAIT);
        if (n > 0) {
            to += n;
            len -= (size_t)n;
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return ENDING_DEAD;
        enum ending e = await(p, w, POLLIN);
        if (e != ENDING_NONE)
            return e;
    }
    return ENDING_NONE;
}

/* A whole frame into `a`; its kind and the rest. A result beyond the limit is the code's doing. */
static enum ending receive_frame(const struct transform_process *p, struct watch *w, struct arena *a,
                                 enum wire_kind *kind, struct str *text)
{
    unsigned char head[WIRE_HEAD];
    enum ending e = receive(p, w, (char *)head, sizeof head);
    if (e != ENDING_NONE)
        return e;
    size_t len = wire_length(head), max = 8 * p->limits->output_bytes + ((size_t)1 << 20);
    if (len == 0 || len > max)
        return ENDING_MEMORY;
    char *frame = arena_alloc(a, len);
    e = receive(p, w, frame, len);
    *kind = (enum wire_kind)frame[0];
    *text = str_of(frame + 1, len - 1);
    return e;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/*
 * The engine's settings travel as its environment: no code is generated at run time, memory comes from malloc, which
 * counts, one thread collects garbage. Nothing of the server's environment goes along.
 */
static int spawn(struct transform_process *p, int worker_fd)
{
    char room[64], *argv[] = {(char *)"postrider", (char *)TRANSFORM_WORKER_COMMAND, NULL};
    char *env[] = {room,
                   (char *)"TZ=UTC",
                   (char *)"LANG=C.UTF-8",
                   (char *)"Malloc=1",
                   (char *)"GIGACAGE_ENABLED=0",
                   (char *)"JSC_useJIT=0",
                   (char *)"JSC_useConcurrentGC=0",
                   (char *)"JSC_numberOfGCMarkers=1",
                   (char *)"JSC_useSharedArrayBuffer=0",
                   NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    pid_t pid = 0;
    (void)snprintf(room, sizeof room, "POSTRIDER_WORKER_BYTES=%zu", SPACE_FACTOR * p->limits->memory_bytes);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    e = e != 0 ? e : posix_spawn_file_actions_adddup2(&actions, 0, 1);
    e = e != 0 ? e : posix_spawn_file_actions_adddup2(&actions, 0, 2);
    e = e != 0 ? e : posix_spawn_file_actions_adddup2(&actions, worker_fd, WIRE_FD);
    e = e != 0 ? e : posix_spawn(&pid, "/proc/self/exe", &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    p->pid = e == 0 ? pid : 0;
    return e;
}

/* NULL, or why there is no worker, in the arena. */
static const char *start(struct transform_process *p, struct arena *a)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return arena_printf(a, "no worker for transformations could be started: %s", strerror(errno)).ptr;
    /* dup2 onto itself would keep close-on-exec */
    int far = pair[1] == WIRE_FD ? fcntl(pair[1], F_DUPFD_CLOEXEC, WIRE_FD + 1) : pair[1], e = spawn(p, far);
    close(pair[1]);
    if (far != pair[1])
        close(far);
    if (e != 0) {
        close(pair[0]);
        return arena_printf(a, "no worker for transformations could be started: %s", strerror(e)).ptr;
    }
    p->fd = pair[0];
    enum wire_kind kind = WIRE_MISSING;
    struct str text = STR_NULL;
    struct watch w = {.until_ms = clock_mono_ms() + START_MS, .look_ms = INT64_MAX};
    if (receive_frame(p, &w, a, &kind, &text) != ENDING_NONE || kind != WIRE_READY) {
        int status = reap(p);
        if (text.len > 0)
            return arena_cstr(a, text);
        return arena_printf(a, "the worker for transformations does not start (status %d)", status).ptr;
    }
    p->idle_bytes = resident_bytes(p->pid);
    return NULL;
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static struct str killed_words(const struct transform_process *p, enum ending e, struct arena *a)
{
    if (e == ENDING_TIME || e == ENDING_CPU)
        return arena_printf(a, "the transformation took too long: it may compute for %lld ms and last for %lld ms",
                            (long long)p->limits->cpu_ms, (long long)p->limits->wall_ms);
    return arena_printf(a, "the transformation needed more than %zu MiB of memory", p->limits->memory_bytes >> 20);
}

static enum ending exchange(struct transform_process *p, struct arena *a, enum wire_kind *kind, struct str *text)
{
    int64_t now_ms = clock_mono_ms();
    struct watch w = {.until_ms = now_ms + p->limits->wall_ms, .look_ms = now_ms + WATCH_MS};
    if (clock_getcpuclockid(p->pid, &w.cpu) != 0)
        return ENDING_DEAD;
    w.cpu_from_ms = cpu_ms(w.cpu);
    enum ending e = send_all(p, &w, buf_str(&p->frame));
    return e == ENDING_NONE ? receive_frame(p, &w, a, kind, text) : e;
}

/* Whether the run is over; if not it may be made once more. */
static bool try_once(struct transform_process *p, bool again, struct arena *a, struct transform_result *out)
{
    enum wire_kind kind = WIRE_ERROR;
    const char *why = p->pid == 0 ? start(p, a) : NULL;
    if (why != NULL) {
        log_error("transform_worker", LOG_CSTR("error", why));
        *out = (struct transform_result){.status = TRANSFORM_MISSING, .text = str_c(why)};
        return true;
    }
    int pid = p->pid;
    enum ending e = exchange(p, a, &kind, &out->text);
    if (e == ENDING_NONE) {
        out->status = kind == WIRE_DONE ? TRANSFORM_OK : TRANSFORM_FAILED;
        if (resident_bytes(pid) > p->idle_bytes + GROWN_BYTES)
            reap(p);
        return true;
    }
    int status = reap(p);
    if (e == ENDING_DEAD && !again && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return false; /* by another hand: perhaps while it was idle */
    log_info("transform_killed", LOG_INT("pid", pid), LOG_INT("reason", e));
    *out = (struct transform_result){.status = TRANSFORM_KILLED, .text = killed_words(p, e, a)};
    return true;
}

void transform_run(struct transform_process *p, const struct transform_call *call, struct arena *a,
                   struct transform_result *out)
{
    struct wire_ask ask = {.kind = call->only_check ? WIRE_CHECK : WIRE_RUN,
                           .want_logs = call->want_logs,
                           .now_ms = call->now_ms,
                           .seed = call->seed,
                           .output_bytes = p->limits->output_bytes,
                           .code = call->code};
    struct buf input = BUF_INIT(WIRE_BYTES_MAX);
    if (!call->only_check)
        call_write(call, &input);
    ask.input = buf_str(&input);
    buf_clear(&p->frame);
    wire_write_ask(&ask, &p->frame);
    if (input.overflow || p->frame.overflow)
        *out = (struct transform_result){.status = TRANSFORM_FAILED, .text = STR("the message is too large")};
    else if (!try_once(p, false, a, out))
        CHECK(try_once(p, true, a, out));
    if (p->frame.cap > ((size_t)1 << 20))
        buf_fini(&p->frame);
    buf_fini(&input);
}
