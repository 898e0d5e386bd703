/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: flags and the environment are collected first, so that a name nobody knows stops the start; then every row
 * of the table reads the value that wins.
 */
#include "config/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "config/table.h"

#define PREFIX    "POSTRIDER_"
#define TABLE_MAX 64
#define FILE_MAX  65536

/* Where the value of a setting comes from. */
struct given {
    bool is_set;
    bool is_file; /* the text is the path of a file with the value */
    struct str text;
    const char *source; /* as people wrote it: --listen, POSTRIDER_LISTEN, POSTRIDER_LISTEN_FILE */
};

struct loader {
    struct settings s;
    struct given flags[TABLE_MAX];
    struct given variables[TABLE_MAX];
    struct buf *why;
};

/* What other commands read from the environment, and what Kubernetes sets for a service named postrider. */
static const char *const foreign_variables[] = {
        PREFIX "URL",
        PREFIX "TOKEN",
        PREFIX "PORT_",
        PREFIX "SERVICE_",
};

static const struct setting *find_row(struct str name, void (*name_of)(const struct setting *, char *))
{
    for (size_t i = 0; i < settings_table_len; i++) {
        char known[SETTING_NAME_SIZE];
        name_of(&settings_table[i], known);
        if (str_eq(name, str_c(known)))
            return &settings_table[i];
    }
    return NULL;
}

/* Finds "--listen" or, for what may be in a file, "--jwt-secret-file"; `suffix` is "-file" or "_FILE". */
static const struct setting *find_name(struct str name, void (*name_of)(const struct setting *, char *),
                                       struct str suffix, bool *is_file)
{
    const struct setting *row = find_row(name, name_of);
    *is_file = false;
    if (row != NULL || !str_ends(name, suffix))
        return row;
    row = find_row(str_take(name, name.len - suffix.len), name_of);
    *is_file = true;
    return row != NULL && row->kind != SETTING_PLAIN ? row : NULL;
}

/* Control characters would let a value forge lines of output. */
static void add_shown(struct buf *out, struct str value)
{
    struct str part = str_take(value, 200);
    buf_add_c(out, '"');
    for (size_t i = 0; i < part.len; i++)
        buf_add_c(out, (unsigned char)part.ptr[i] < ' ' || part.ptr[i] == 0x7f ? '?' : part.ptr[i]);
    buf_add_str(out, part.len < value.len ? STR("…\"") : STR("\""));
}

static enum err refuse_unknown(struct loader *l, struct str name, bool flag)
{
    char near[SETTING_NAME_SIZE];
    add_shown(l->why, name);
    buf_add_str(l->why, flag ? STR(" is not a flag of this command") : STR(" is not a setting"));
    if (setting_nearest(name, flag, near))
        buf_addf(l->why, "; did you mean %s?", near);
    else
        buf_add_str(l->why, STR("; `postrider serve --help` lists them all"));
    return ERR_INVALID;
}

static enum err refuse_secret_flag(struct loader *l, const struct setting *row, const char *what)
{
    char flag[SETTING_NAME_SIZE], variable[SETTING_NAME_SIZE];
    setting_flag(row, flag);
    setting_variable(row, variable);
    buf_addf(l->why,
             "%s: %s is never given as a flag, which everyone on the machine can read: set %s, or %s_FILE to the "
             "path of a file that holds it",
             flag, what, variable, variable);
    return ERR_INVALID;
}

/* "//user:password@": what a URL with a password looks like. */
static bool holds_password(struct str value)
{
    struct str authority = str_skip(value, str_find_str(value, STR("://")) + 3);
    size_t at = str_find(authority, '@');
    return at < authority.len && str_find(str_take(authority, at), ':') < at;
}

static enum err take_flag(struct loader *l, int argc, char **argv, int *at)
{
    struct str arg = str_c(argv[*at]);
    struct str value = arg;
    struct str name = str_split(&value, '=');
    bool has_value = name.len < arg.len, is_file;
    if (!str_starts(arg, STR("--")))
        return refuse_unknown(l, arg, true);
    const struct setting *row = find_name(name, setting_flag, STR("-file"), &is_file);
    if (row == NULL)
        return refuse_unknown(l, name, true);
    if (row->kind == SETTING_SECRET && !is_file)
        return refuse_secret_flag(l, row, "a secret");
    if (!has_value && str_eq(name, STR("--dev"))) {
        value = STR("true");
    } else if (!has_value) {
        if (*at + 1 >= argc || str_starts(str_c(argv[*at + 1]), STR("--"))) {
            buf_addf(l->why, STR_FMT " needs a value: write %s", STR_ARG(name), is_file ? "a path" : row->expects);
            return ERR_INVALID;
        }
        value = str_c(argv[++*at]);
    }
    if (row->kind == SETTING_MAY_HOLD_SECRET && !is_file && holds_password(value))
        return refuse_secret_flag(l, row, "a URL with a password");
    l->flags[row - settings_table] = (struct given){true, is_file, value, arena_cstr(l->s.arena, name)};
    return ERR_OK;
}

static bool is_foreign(struct str name, struct str value)
{
    if (str_eq(name, STR(PREFIX "PORT")) && str_starts(value, STR("tcp://")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(foreign_variables); i++) {
        struct str foreign = str_c(foreign_variables[i]);
        if (str_eq(name, foreign) || (foreign.ptr[foreign.len - 1] == '_' && str_starts(name, foreign)))
            return true;
    }
    return false;
}

static enum err take_variable(struct loader *l, const char *entry)
{
    struct str value = str_c(entry);
    struct str name = str_split(&value, '=');
    bool is_file;
    if (!str_starts(name, STR(PREFIX)) || is_foreign(name, value))
        return ERR_OK;
    const struct setting *row = find_name(name, setting_variable, STR("_FILE"), &is_file);
    if (row == NULL)
        return refuse_unknown(l, name, false);
    struct given *g = &l->variables[row - settings_table];
    if (g->is_set) {
        char variable[SETTING_NAME_SIZE];
        setting_variable(row, variable);
        buf_addf(l->why, "%s and %s_FILE are both set: keep one of them", variable, variable);
        return ERR_INVALID;
    }
    *g = (struct given){true, is_file, value, arena_cstr(l->s.arena, name)};
    return ERR_OK;
}

static enum err refuse_file(struct loader *l, const struct given *g, const char *trouble)
{
    buf_addf(l->why, "%s: cannot use the file ", g->source);
    add_shown(l->why, g->text);
    buf_addf(l->why, ": %s", trouble);
    return ERR_INVALID;
}

/* The value is what the file holds, without the line end that editors put behind it. */
static enum err read_file(struct loader *l, const struct given *g, struct str *out)
{
    char *text = arena_alloc(l->s.arena, FILE_MAX + 1);
    int fd = open(arena_cstr(l->s.arena, g->text), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse_file(l, g, strerror(errno));
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len <= FILE_MAX) {
        n = read(fd, text + len, FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    int trouble = errno;
    close(fd);
    if (n < 0)
        return refuse_file(l, g, strerror(trouble));
    if (len > FILE_MAX)
        return refuse_file(l, g, "it is larger than 64 KiB");
    if (memchr(text, '\0', len) != NULL)
        return refuse_file(l, g, "it is not text");
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    *out = str_of(text, len);
    return ERR_OK;
}

static enum err read_row(struct loader *l, const struct setting *row)
{
    const struct given *g = &l->flags[row - settings_table];
    if (!g->is_set)
        g = &l->variables[row - settings_table];
    struct reading r = {.s = &l->s, .row = row, .value = g->text};
    if (!g->is_set) {
        const char *def = l->s.dev && row->dev_def != NULL ? row->dev_def : row->def;
        r.value = str_c(def);
        CHECK(def == NULL || row->read(&r));
        return ERR_OK;
    }
    if (g->is_file && read_file(l, g, &r.value) != ERR_OK)
        return ERR_INVALID;
    if (row->read(&r))
        return ERR_OK;
    buf_addf(l->why, "%s: ", g->source);
    if (row->kind == SETTING_PLAIN)
        add_shown(l->why, r.value);
    else
        buf_add_str(l->why, STR("the value"));
    buf_addf(l->why, " does not fit: write %s", r.trouble != NULL ? r.trouble : row->expects);
    return ERR_INVALID;
}

static void make_public_url(struct settings *s)
{
    CHECK(s->listen != NULL);
    struct str listen = str_c(s->listen);
    size_t port_at = listen.len;
    while (port_at > 1 && listen.ptr[port_at - 1] != ':')
        port_at--;
    struct str host = str_take(listen, port_at - 1);
    if (host.len == 0 || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("[::]")))
        host = STR("localhost");
    s->public_url = arena_printf(s->arena, "%s://" STR_FMT ":%s", s->tls_cert != NULL ? "https" : "http", STR_ARG(host),
                                 listen.ptr + port_at)
                            .ptr;
}

static enum err finish(struct loader *l)
{
    struct settings *s = &l->s;
    if ((s->tls_cert == NULL) != (s->tls_key == NULL)) {
        buf_addf(l->why, PREFIX "TLS_CERT and " PREFIX "TLS_KEY belong together: %s is missing",
                 s->tls_cert == NULL ? PREFIX "TLS_CERT" : PREFIX "TLS_KEY");
        return ERR_INVALID;
    }
    if (s->public_url == NULL)
        make_public_url(s);
    return ERR_OK;
}

static enum err load(struct loader *l, int argc, char **argv)
{
    enum err e = ERR_OK;
    for (int i = 0; i < argc && e == ERR_OK; i++)
        e = take_flag(l, argc, argv, &i);
    for (char **entry = environ; entry != NULL && *entry != NULL && e == ERR_OK; entry++)
        e = take_variable(l, *entry);
    for (size_t i = 0; i < settings_table_len && e == ERR_OK; i++)
        e = read_row(l, &settings_table[i]);
    return e == ERR_OK ? finish(l) : e;
}

enum err settings_load(struct settings *s, int argc, char **argv, struct buf *why)
{
    struct loader l = {.s.arena = arena_new(65536), .why = why};
    CHECK(settings_table_len <= TABLE_MAX);
    enum err e = load(&l, argc, argv);
    if (e == ERR_OK)
        *s = l.s;
    else
        settings_fini(&l.s);
    return e;
}

void settings_fini(struct settings *s)
{
    if (s == NULL)
        return;
    arena_free(s->arena);
    *s = (struct settings){.arena = NULL};
}
