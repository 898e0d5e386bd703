/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the text of each setting becomes a value. A reader that returns false has changed nothing that matters: the
 * settings are thrown away then.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/time.h"
#include "config/table.h"

#define LIST_MAX 256

static void *field(const struct reading *r)
{
    return (char *)r->s + r->row->offset;
}

static const char *keep(struct reading *r, struct str text)
{
    return arena_cstr(r->s->arena, text);
}

static bool keep_text(struct reading *r, struct str text)
{
    *(const char **)field(r) = text.len > 0 ? keep(r, text) : NULL;
    return true;
}

static bool in_range(const struct reading *r, int64_t v)
{
    return v >= r->row->min && v <= r->row->max;
}

/* A comma-separated list to walk through with next_item; blank text is an empty list. */
static struct str begin_list(struct str text)
{
    return str_trim(text).len > 0 ? text : STR_NULL;
}

/* The next item, blanks around it dropped; false at the end. */
static bool next_item(struct str *rest, struct str *item)
{
    if (rest->ptr == NULL)
        return false;
    bool last = str_find(*rest, ',') == rest->len;
    *item = str_trim(str_split(rest, ','));
    if (last)
        *rest = STR_NULL;
    return true;
}

bool read_bool(struct reading *r)
{
    static const struct {
        const char *text;
        bool value;
    } rows[] = {{"true", true}, {"false", false}, {"1", true},  {"0", false},
                {"yes", true},  {"no", false},    {"on", true}, {"off", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq_nocase(r->value, str_c(rows[i].text))) {
            *(bool *)field(r) = rows[i].value;
            return true;
        }
    }
    return false;
}

bool read_text(struct reading *r)
{
    return keep_text(r, r->value);
}

bool read_file_path(struct reading *r)
{
    read_text(r);
    const char *path = *(const char **)field(r);
    return path == NULL || access(path, R_OK) == 0;
}

bool read_duration(struct reading *r)
{
    int64_t ms;
    if (time_parse_duration(r->value, &ms) != ERR_OK || !in_range(r, ms))
        return false;
    *(int64_t *)field(r) = ms;
    return true;
}

bool read_size(struct reading *r)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    size_t digits = 0;
    while (digits < r->value.len && r->value.ptr[digits] >= '0' && r->value.ptr[digits] <= '9')
        digits++;
    struct str unit = str_skip(r->value, digits);
    uint64_t v;
    if (str_to_u64(str_take(r->value, digits), &v) != ERR_OK || v > INT64_MAX >> 30)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eq_nocase(unit, str_c(units[i].unit)))
            continue;
        v <<= units[i].shift;
        if (!in_range(r, (int64_t)v))
            return false;
        *(size_t *)field(r) = v;
        return true;
    }
    return false;
}

static bool parse_int(const struct reading *r, struct str text, int *out)
{
    uint64_t v;
    if (str_to_u64(text, &v) != ERR_OK || v > INT32_MAX || !in_range(r, (int64_t)v))
        return false;
    *out = (int)v;
    return true;
}

bool read_int(struct reading *r)
{
    return parse_int(r, r->value, field(r));
}

bool read_subnets(struct reading *r)
{
    struct ssrf_subnet *nets = arena_alloc(r->s->arena, LIST_MAX * sizeof *nets);
    size_t count = 0;
    struct str rest = begin_list(r->value), item;
    while (next_item(&rest, &item)) {
        if (count == LIST_MAX)
            return false;
        if (ssrf_parse_subnet(item, &nets[count]) != ERR_OK) {
            if (str_find(item, '/') < item.len)
                r->trouble = SAY_SUBNETS "; no bits may be set behind the prefix";
            return false;
        }
        count++;
    }
    *(const struct ssrf_subnet **)field(r) = nets;
    *(size_t *)((char *)r->s + r->row->count_offset) = count;
    return true;
}

static bool read_list(struct reading *r, bool subnets)
{
    const char **list = arena_zalloc(r->s->arena, (LIST_MAX + 1) * sizeof *list);
    size_t count = 0;
    struct str rest = begin_list(r->value), item;
    while (next_item(&rest, &item)) {
        struct ssrf_subnet net;
        if (count == LIST_MAX || ssrf_parse_subnet(item, &net) != ERR_OK)
            return false;
        if (!subnets && str_find(item, '/') < item.len)
            return false;
        list[count++] = keep(r, item);
    }
    *(const char *const **)field(r) = count > 0 ? list : NULL;
    return true;
}

bool read_addresses(struct reading *r)
{
    return read_list(r, false);
}

bool read_networks(struct reading *r)
{
    return read_list(r, true);
}

/* Only what host names and addresses are made of. */
static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr(".-_", c) != NULL))
            return false;
    }
    return host.len <= 253;
}

static bool is_v6(struct str host)
{
    struct ssrf_subnet net;
    return str_find(host, '/') == host.len && str_find(host, ':') < host.len && ssrf_parse_subnet(host, &net) == ERR_OK;
}

/* "HOST:PORT", "[V6]:PORT" or ":PORT"; the port may be missing (null) if it is optional to the caller. */
static bool split_host(struct str text, struct str *host, struct str *port)
{
    *port = STR_NULL;
    if (str_starts(text, STR("["))) {
        size_t end = str_find(text, ']');
        *host = str_take(str_skip(text, 1), end - 1);
        struct str behind = str_skip(text, end + 1);
        if (end == text.len || !is_v6(*host) || (behind.len > 0 && behind.ptr[0] != ':'))
            return false;
        if (behind.len > 0)
            *port = str_skip(behind, 1);
        return true;
    }
    size_t colon = str_find(text, ':');
    *host = str_take(text, colon);
    if (colon < text.len)
        *port = str_skip(text, colon + 1);
    return is_host(*host);
}

static bool is_port(struct str text, uint64_t lowest)
{
    uint64_t port;
    return text.len <= 5 && str_to_u64(text, &port) == ERR_OK && port >= lowest && port <= 65535;
}

bool read_listen(struct reading *r)
{
    struct str host, port;
    return split_host(r->value, &host, &port) && is_port(port, 0) && keep_text(r, r->value);
}

bool read_metrics_listen(struct reading *r)
{
    if (r->value.len > 0 && !str_eq_nocase(r->value, STR("off")))
        return read_listen(r);
    r->s->metrics_listen = "";
    return true;
}

bool read_resolver(struct reading *r)
{
    struct str host, port;
    struct ssrf_subnet net;
    if (r->value.len == 0 || is_v6(r->value))
        return keep_text(r, r->value);
    return split_host(r->value, &host, &port) && str_find(host, '/') == host.len &&
           ssrf_parse_subnet(host, &net) == ERR_OK && (port.ptr == NULL || is_port(port, 1)) && keep_text(r, r->value);
}

bool read_database(struct reading *r)
{
    struct str path = r->value;
    if (str_starts_nocase(path, STR("postgresql:")) || str_starts_nocase(path, STR("postgres:"))) {
        r->trouble = "sqlite:PATH: this build has the embedded store only, no PostgreSQL";
        return false;
    }
    if (str_starts_nocase(path, STR("sqlite:")))
        path = str_skip(path, 7);
    else if (str_find_str(path, STR("://")) < path.len)
        return false;
    if (str_starts(path, STR("//"))) /* sqlite:///absolute and sqlite://relative, as other programs write it */
        path = str_skip(path, 2);
    if (path.len == 0 || str_eq(path, STR(":memory:")) || path.ptr[path.len - 1] == '/')
        return false;
    r->s->database = keep(r, r->value);
    r->s->sqlite_path = keep(r, path);
    size_t folder = path.len;
    while (folder > 0 && path.ptr[folder - 1] != '/')
        folder--;
    r->s->keys_path = arena_printf(r->s->arena, STR_FMT "postrider.keys", STR_ARG(str_take(path, folder))).ptr;
    return true;
}

bool read_secret(struct reading *r)
{
    return r->value.len > 0 && keep_text(r, r->value);
}

static bool is_master_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (strchr("0123456789abcdefABCDEF", key.ptr[i]) == NULL)
            return false;
    return key.len == 64;
}

bool read_master_key(struct reading *r)
{
    struct str rest = r->value;
    do {
        if (!is_master_key(str_split(&rest, ',')))
            return false;
    } while (rest.len > 0);
    return r->value.ptr[r->value.len - 1] != ',' && keep_text(r, r->value);
}

/* scheme://something, without blanks, quotes and control characters. */
static bool is_url(struct str url, const char *const *schemes)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f || strchr("\"<>\\^`{|}", url.ptr[i]) != NULL)
            return false;
    for (; *schemes != NULL; schemes++)
        if (str_starts_nocase(url, str_c(*schemes)) && url.len > strlen(*schemes) && url.ptr[strlen(*schemes)] != '/')
            return true;
    return false;
}

bool read_public_url(struct reading *r)
{
    static const char *const schemes[] = {"https://", "http://", NULL};
    struct str url = r->value;
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    if (r->value.len == 0)
        return true;
    return is_url(url, schemes) && str_find(url, '?') == url.len && str_find(url, '#') == url.len &&
           str_find(url, '@') == url.len && keep_text(r, url);
}

bool read_proxy(struct reading *r)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://", NULL};
    return (r->value.len == 0 || is_url(r->value, schemes)) && keep_text(r, r->value);
}

bool read_smtp_url(struct reading *r)
{
    static const char *const schemes[] = {"smtp://", "smtps://", NULL};
    return (r->value.len == 0 || is_url(r->value, schemes)) && keep_text(r, r->value);
}

bool read_mail_address(struct reading *r)
{
    size_t at = str_find(r->value, '@');
    for (size_t i = 0; i < r->value.len; i++)
        if ((unsigned char)r->value.ptr[i] < ' ' || r->value.ptr[i] == 0x7f)
            return false;
    return (r->value.len == 0 || (at > 0 && at + 1 < r->value.len)) && keep_text(r, r->value);
}

static bool is_made_of(struct str s, const char *extra, bool upper)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z');
        if (!fits && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return true;
}

bool read_environment(struct reading *r)
{
    return str_starts(r->value, STR("org_")) && r->value.len > 4 && r->value.len <= 64 &&
           is_made_of(r->value, "_-", true) && keep_text(r, r->value);
}

bool read_profile_name(struct reading *r)
{
    return r->value.len > 0 && r->value.len <= 64 && is_made_of(r->value, "_-", false) && r->value.ptr[0] != '-' &&
           r->value.ptr[0] != '_' && keep_text(r, r->value);
}

bool read_retry_schedule(struct reading *r)
{
    enum { RETRIES_MAX = 64 };
    int64_t *waits = arena_alloc(r->s->arena, RETRIES_MAX * sizeof *waits);
    size_t count = 0;
    struct str rest = begin_list(r->value), item;
    while (next_item(&rest, &item)) {
        if (count == RETRIES_MAX || time_parse_duration(item, &waits[count]) != ERR_OK ||
            waits[count] > 30 * TIME_DAY_MS)
            return false;
        count++;
    }
    r->s->retry_schedule_ms = waits;
    r->s->retry_count = count;
    r->s->retry_schedule_set = true;
    return true;
}

bool read_signature(struct reading *r)
{
    r->s->default_ed25519 = str_eq(r->value, STR("ed25519"));
    return r->s->default_ed25519 || str_eq(r->value, STR("hmac256"));
}

bool read_in_flight(struct reading *r)
{
    struct str rest = r->value;
    struct str endpoint = str_trim(str_split(&rest, '/')), host = str_trim(str_split(&rest, '/'));
    int e, h, t;
    if (!parse_int(r, endpoint, &e) || !parse_int(r, host, &h) || !parse_int(r, str_trim(rest), &t) || e > h || h > t)
        return false;
    r->s->in_flight_per_endpoint = e;
    r->s->in_flight_per_host = h;
    r->s->in_flight_total = t;
    return true;
}

bool read_workers(struct reading *r)
{
    if (r->value.len > 0)
        return parse_int(r, r->value, &r->s->workers);
    cpu_set_t mine;
    int cores = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    r->s->workers = cores < 1 ? 1 : cores > (int)r->row->max ? (int)r->row->max : cores;
    return true;
}

bool read_log_level(struct reading *r)
{
    static const char *const names[] = {
            [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(r->value, str_c(names[i]))) {
            r->s->log_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool read_log_format(struct reading *r)
{
    bool json = str_eq_nocase(r->value, STR("json"));
    r->s->log_format = json ? LOG_JSON : LOG_TEXT;
    return json || str_eq_nocase(r->value, STR("text"));
}

/* The text goes into a Content-Security-Policy header: nothing that could end the directive. */
bool read_frame_ancestors(struct reading *r)
{
    return r->value.len > 0 && is_made_of(r->value, "':/.*-_[] ", true) && keep_text(r, r->value);
}
