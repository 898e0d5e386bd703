/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of `postrider serve`: one table drives flags, environment variables, `_FILE` variants, --help and docs.
 * Owned strings live as long as the settings. A flag wins over the environment, that over the default.
 */
#ifndef PR_CONFIG_SETTINGS_H
#define PR_CONFIG_SETTINGS_H

#include "base/buf.h"
#include "base/log.h"
#include "ssrf/ssrf.h"

struct settings {
    bool dev;
    const char *listen;
    const char *tls_cert, *tls_key;
    const char *metrics_listen; /* "" = off */
    const char *database;       /* as given */
    const char *sqlite_path;    /* of "sqlite:PATH" or a bare path; NULL for another kind */
    const char *keys_path;      /* postrider.keys beside the database */
    const char *jwt_secret;     /* NULL: from the keys file */
    const char *master_key;     /* 64 hex digits, older keys behind commas; NULL: from the keys file */
    const char *public_url;     /* without a trailing slash; made from listen: has its port, even if that is 0 */
    const struct ssrf_subnet *trusted_proxies;
    size_t trusted_proxy_count;
    const char *environment;
    const char *default_profile;
    const int64_t *retry_schedule_ms; /* NULL: the profile's */
    size_t retry_count;
    bool retry_schedule_set;    /* true with retry_count 0: no retries */
    int64_t request_timeout_ms; /* 0: the profile's */
    bool default_ed25519;       /* DEFAULT_SIGNATURE=ed25519 */
    int64_t disable_after_ms;
    bool https_only;
    const struct ssrf_subnet *allow_subnets;
    size_t allow_subnet_count;
    const char *const *egress_bind;      /* NULL-terminated, or NULL */
    const char *const *egress_addresses; /* what customers are told; NULL-terminated, or NULL: egress_bind */
    const char *proxy, *no_proxy, *ca_file;
    const char *smtp_url, *smtp_from;
    size_t body_limit_bytes;
    size_t import_limit_bytes;
    int incoming_rate_limit;
    int in_flight_per_endpoint, in_flight_per_host, in_flight_total;
    int transform_workers;
    int64_t transform_timeout_ms;
    size_t transform_memory_bytes;
    int64_t retention_payload_ms, retention_attempts_ms, retention_history_ms;
    int workers;
    size_t memory_limit_bytes;
    enum log_level log_level;
    enum log_format log_format;
    const char *frame_ancestors;
    const char *
            resolver; /* DNS server to ask instead of the system's: "10.0.0.53", "127.0.0.1:5353"; NULL: the system's */
    struct arena *arena; /* owns all of the above */
};

/*
 * Reads argv (after the command's name) and the environment. ERR_INVALID: *why is a line that names the setting, the
 * value and what to write instead. `--help` is the caller's: see settings_help.
 */
MUST_USE enum err settings_load(struct settings *s, int argc, char **argv, struct buf *why);
/* Frees all strings and lists. NULL is fine. */
void settings_fini(struct settings *s);
/* The table, for `serve --help`: flag, variable, default, meaning. */
void settings_help(struct buf *out);

#endif
