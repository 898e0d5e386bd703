/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured log lines on stderr, as text or JSON. A line has an event name in snake_case and fields; values are
 * escaped, so that nobody outside can forge a line. Never pass a secret. Nothing per event at `info`.
 * Thread-safe: one write(2) per line.
 */
#ifndef PR_BASE_LOG_H
#define PR_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

enum log_field_type { LOG_FIELD_STR, LOG_FIELD_INT };

struct log_field {
    const char *name;
    enum log_field_type type;
    struct str str;
    int64_t num;
};

#define LOG_STR(n, v)  ((struct log_field){.name = (n), .type = LOG_FIELD_STR, .str = (v)})
#define LOG_CSTR(n, v) LOG_STR(n, str_c(v))
#define LOG_INT(n, v)  ((struct log_field){.name = (n), .type = LOG_FIELD_INT, .num = (int64_t)(v)})

/* Set once before threads start. */
void log_init(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* log_info("listening", LOG_STR("address", a), LOG_INT("port", 8071)) */
#define LOG_AT(level, event, ...)                                                                                      \
    (log_enabled(level) ? log_write((level), (event), (const struct log_field[]){{.name = NULL}, ##__VA_ARGS__} + 1,   \
                                    sizeof((const struct log_field[]){{.name = NULL}, ##__VA_ARGS__}) /                \
                                                    sizeof(struct log_field) -                                         \
                                            1)                                                                         \
                        : (void)0)
#define log_error(event, ...) LOG_AT(LOG_ERROR, event, ##__VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_WARN, event, ##__VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_INFO, event, ##__VA_ARGS__)
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, ##__VA_ARGS__)

#endif
