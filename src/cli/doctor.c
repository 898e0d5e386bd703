/* SPDX-License-Identifier: Apache-2.0 */
/* `doctor`: a line per check: what is, and what to do about it. Changes nothing. */
#include "cli/doctor.h"

#include <libgen.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "transform/transform.h"
#include "json/write.h"

#define MIB            ((int64_t)1 << 20)
#define FREE_MIN       (128 * MIB)
#define FREE_GOOD      ((int64_t)1024 * MIB)
#define WAL_LARGE      (512 * MIB)
#define CLOCK_AHEAD_MS (5 * TIME_MINUTE_MS)
#define SPARE_FDS      1024

static const struct arg_flag flags[] = {
        {"name", "HOST", "a host name that must resolve", .def = "example.com", .kind = ARG_TEXT},
};

static const struct arg_page page = {
        .command = "doctor",
        .summary = "Checks the settings in the environment and this machine, with or without a running server. Exit "
                   "status 0: nothing\nfails; 1: something does.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .example = "postrider doctor",
};

static enum verdict check_settings(struct doctor *d)
{
    d->has_settings = settings_load(&d->set, 0, NULL, &d->text) == ERR_OK;
    if (!d->has_settings)
        return VERDICT_FAIL;
    log_init(LOG_ERROR, d->set.log_format);
    bool all = str_starts(str_c(d->set.listen), STR("127.")) || str_starts(str_c(d->set.listen), STR("[::1]")) ||
               str_starts(str_c(d->set.listen), STR("localhost"));
    if (!all && d->set.tls_cert == NULL && d->set.trusted_proxy_count == 0) {
        buf_addf(&d->text,
                 "%s is reached without TLS: set TLS_CERT and TLS_KEY, or TRUSTED_PROXIES for what stands "
                 "before it",
                 d->set.listen);
        return VERDICT_WARN;
    }
    buf_addf(&d->text, "they fit; database %s", d->set.database);
    return VERDICT_OK;
}

static enum verdict check_database(struct doctor *d)
{
    const char *why = NULL;
    if (d->set.sqlite_path == NULL) {
        buf_add_str(&d->text, STR("it is a server's: use that server's own tools"));
        return VERDICT_OK;
    }
    d->facts_err = store_look(d->set.sqlite_path, STORE_CHECK, &d->facts, &why);
    if (d->facts_err == ERR_NOT_FOUND) {
        buf_addf(&d->text, "there is none at %s: `postrider serve` makes one", d->set.sqlite_path);
        return VERDICT_WARN;
    }
    if (d->facts_err != ERR_OK) {
        buf_addf(&d->text, "%s: %s", d->set.sqlite_path, why);
        return VERDICT_FAIL;
    }
    int fd;
    enum err locked = store_lock(d->set.sqlite_path, &fd, &why);
    d->lock_held = locked == ERR_CONFLICT;
    if (locked == ERR_OK)
        close(fd);
    buf_addf(&d->text, "%s is whole, schema %d%s, %lld MiB, %s", d->set.sqlite_path, d->facts.schema_version,
             d->facts.schema_version < store_schema_version() ? " (the next start brings it up to date)" : "",
             (long long)(d->facts.bytes / MIB), d->lock_held ? "in use" : "not in use");
    return VERDICT_OK;
}

static enum verdict check_keys(struct doctor *d)
{
    struct keyring *keys;
    const char *why = NULL;
    enum err e = local_keys(&d->set, &keys, &why);
    if (e == ERR_NOT_FOUND && d->facts.key_id_count == 0) {
        buf_addf(&d->text, "there are none yet: the first start makes %s", d->set.keys_path);
        return VERDICT_OK;
    }
    if (e != ERR_OK) {
        buf_addf(&d->text, "%s: %s", d->set.keys_path, why);
        return VERDICT_FAIL;
    }
    bool fit = local_keys_fit(keys, &d->facts);
    size_t count = keyring_count(keys);
    keyring_free(keys);
    if (!fit) {
        buf_add_str(&d->text, STR("secrets in the database are sealed under a key that is not at hand: put the "
                                  "postrider.keys that belongs to it back"));
        return VERDICT_FAIL;
    }
    if (count > 1 && d->set.master_key == NULL) {
        buf_add_str(&d->text,
                    STR("old keys are still there: stop the server and run `postrider keys rotate` to its end"));
        return VERDICT_WARN;
    }
    buf_addf(&d->text, "%s opens what the database holds",
             d->set.master_key != NULL ? "the environment's key" : d->set.keys_path);
    return VERDICT_OK;
}

static int64_t file_bytes(const char *path, const char *suffix)
{
    struct buf name = BUF_INIT((size_t)1 << 16);
    struct stat st;
    buf_addf(&name, "%s%s", path, suffix);
    AUTO_FREE char *text = buf_take(&name, NULL);
    return stat(text, &st) == 0 ? st.st_size : 0;
}

static enum verdict check_disk(struct doctor *d)
{
    struct statvfs v;
    const char *path = d->set.sqlite_path != NULL ? d->set.sqlite_path : d->set.keys_path;
    AUTO_FREE char *copy = mem_strndup(path, strlen(path));
    if (statvfs(dirname(copy), &v) != 0) {
        buf_addf(&d->text, "the directory of %s cannot be reached: make it", path);
        return VERDICT_FAIL;
    }
    int64_t room = (int64_t)(v.f_bavail * v.f_frsize), wal = file_bytes(path, "-wal");
    buf_addf(&d->text, "%lld MiB free, %lld MiB of log", (long long)(room / MIB), (long long)(wal / MIB));
    if (room < FREE_MIN) {
        buf_addf(&d->text, ": under %lld MiB messages are refused: make room", (long long)(FREE_MIN / MIB));
        return VERDICT_FAIL;
    }
    if (wal > WAL_LARGE) {
        buf_add_str(&d->text, STR(": something reads the database for long: look for a backup or another program"));
        return VERDICT_WARN;
    }
    if (room < FREE_GOOD || room < d->facts.bytes) {
        buf_add_str(&d->text, STR(": little, a backup beside it may not fit"));
        return VERDICT_WARN;
    }
    return VERDICT_OK;
}

static enum verdict check_descriptors(struct doctor *d)
{
    struct rlimit lim = {.rlim_max = 0};
    rlim_t need = (rlim_t)d->set.in_flight_total + SPARE_FDS;
    (void)getrlimit(RLIMIT_NOFILE, &lim);
    if (lim.rlim_max >= need) {
        buf_addf(&d->text, "%llu may be open, about %llu are needed at most", (unsigned long long)lim.rlim_max,
                 (unsigned long long)need);
        return VERDICT_OK;
    }
    buf_addf(&d->text,
             "%llu may be open, %d attempts at a time need %llu: raise `ulimit -Hn` (LimitNOFILE=) or lower "
             "MAX_IN_FLIGHT",
             (unsigned long long)lim.rlim_max, d->set.in_flight_total, (unsigned long long)need);
    return VERDICT_WARN;
}

static enum verdict check_clock(struct doctor *d)
{
    struct timex tx = {.modes = 0};
    char now[TIME_TEXT_SIZE];
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
    time_format(now_ms, now);
    buf_addf(&d->text, "%s", now);
    if (d->facts.highest_time_ms > now_ms + CLOCK_AHEAD_MS) {
        buf_addf(&d->text,
                 " is %lld s behind what the database has seen: set the clock, receivers check our timestamps",
                 (long long)((d->facts.highest_time_ms - now_ms) / TIME_SECOND_MS));
        return VERDICT_FAIL;
    }
    if (adjtimex(&tx) == TIME_ERROR) {
        buf_add_str(&d->text, STR(", not synchronised as far as the kernel knows: run a time service"));
        return VERDICT_WARN;
    }
    return VERDICT_OK;
}

/* Most servers need none: its absence is no fault. */
static enum verdict check_javascript(struct doctor *d)
{
    buf_add_str(&d->text,
                transform_engine_is_here()
                        ? STR("JavaScriptCore is here: endpoints may have transformations")
                        : STR("there is no JavaScriptCore, which only transformations need: install " TRANSFORM_PACKAGE
                              " if you want them"));
    return VERDICT_OK;
}

static const struct {
    const char *name;
    doctor_check_fn run;
} checks[] = {
        {"settings", check_settings},
        {"database", check_database},
        {"keys", check_keys},
        {"disk", check_disk},
        {"descriptors", check_descriptors},
        {"clock", check_clock},
        {"javascript", check_javascript},
        {"listen", doctor_check_listen},
        {"egress", doctor_check_egress},
        {"dns", doctor_check_dns},
        {"mail", doctor_check_mail},
};

static void say(const struct doctor *d, const char *name, enum verdict v, struct json_writer *w)
{
    static const char *const words[] = {[VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "fail"};
    if (!d->args->json) {
        printf("%-4s  %-11s  " STR_FMT "\n", words[v], name, STR_ARG(buf_str(&d->text)));
        fflush(stdout);
        return;
    }
    json_w_object(w);
    json_w_str_at(w, "check", str_c(name));
    json_w_str_at(w, "verdict", str_c(words[v]));
    json_w_str_at(w, "text", buf_str(&d->text));
    json_w_object_end(w);
}

static bool run_checks(struct doctor *d, struct json_writer *w)
{
    bool fine = true;
    for (size_t i = 0; i < ARRAY_LEN(checks) && (i == 0 || d->has_settings); i++) {
        buf_clear(&d->text);
        enum verdict v = checks[i].run(d);
        fine = fine && v != VERDICT_FAIL;
        say(d, checks[i].name, v, w);
    }
    return fine;
}

int cli_doctor(int argc, char **argv)
{
    static struct args a;
    struct doctor d = {.args = &a, .text = BUF_INIT(65536)};
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    int status = args_read(&page, argc, argv, &a);
    if (status != ARGS_GO_ON)
        return status;
    json_w_object(&w);
    json_w_name(&w, STR("checks"));
    json_w_array(&w);
    bool fine = run_checks(&d, &w);
    json_w_array_end(&w);
    json_w_bool_at(&w, "ok", fine);
    json_w_object_end(&w);
    if (a.json)
        local_print(&out);
    buf_fini(&out);
    buf_fini(&d.text);
    settings_fini(&d.set);
    return fine ? CLI_DONE : CLI_NO;
}
