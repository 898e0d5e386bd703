/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of settings, and what is told from it: names, --help, the nearest name to a mistyped one.
 */
#include "config/table.h"

#include <stdio.h>

#include "base/time.h"

#define AT(field)          .offset = offsetof(struct settings, field)
#define LIST(field, count) .offset = offsetof(struct settings, field), .count_offset = offsetof(struct settings, count)
#define RANGE(lo, hi)      .min = (lo), .max = (hi)
#define KIB                ((int64_t)1024)
#define MIB                (1024 * KIB)
#define GIB                (1024 * MIB)
#define YEARS_10           (3650 * TIME_DAY_MS)

#define SAY_BOOL   "true or false"
#define SAY_LISTEN "HOST:PORT, such as 127.0.0.1:8071, [::1]:8071 or :8071 for all addresses"
#define SAY_FILE   "the path of a file that can be read"
#define SAY_LONG   "a duration from 1ms to 3650d, such as 12h or 5d"

const struct setting settings_table[] = {
        {"DEV", .read = read_bool, AT(dev), .def = "false", .expects = SAY_BOOL,
         .meaning = "for development: allows http:// and deliveries to this machine"},
        {"LISTEN", .read = read_listen, AT(listen), .def = "127.0.0.1:8071", .expects = SAY_LISTEN,
         .meaning = "address of the API and the console"},
        {"TLS_CERT", .read = read_file_path, AT(tls_cert), .expects = SAY_FILE,
         .meaning = "certificate chain (PEM); with TLS_KEY the listener speaks HTTPS"},
        {"TLS_KEY", .read = read_file_path, AT(tls_key), .expects = SAY_FILE, .meaning = "private key (PEM)"},
        {"METRICS_LISTEN", .read = read_metrics_listen, AT(metrics_listen), .def = "127.0.0.1:9071",
         .expects = SAY_LISTEN ", or off", .meaning = "address of /metrics, /livez and /readyz, or off"},
        {"DATABASE", SETTING_MAY_HOLD_SECRET, read_database, .def = "sqlite:postrider.db", .expects = "sqlite:PATH",
         .meaning = "the store, sqlite:PATH"},
        {"JWT_SECRET", SETTING_SECRET, read_secret, AT(jwt_secret), .shown = "in postrider.keys",
         .expects = "the secret that signs tokens; it must not be empty", .meaning = "signs API tokens (HS256)"},
        {"MASTER_KEY", SETTING_SECRET, read_master_key, AT(master_key), .shown = "in postrider.keys",
         .expects = "64 hexadecimal digits, such as `openssl rand -hex 32` prints; older keys may follow behind commas",
         .meaning = "seals secrets in the store; 64 hexadecimal digits"},
        {"PUBLIC_URL", .read = read_public_url, AT(public_url), .shown = "from LISTEN",
         .expects = "the URL people reach this server by, such as https://hooks.example.com",
         .meaning = "URL that links and trigger URLs begin with"},
        {"TRUSTED_PROXIES", .read = read_subnets, LIST(trusted_proxies, trusted_proxy_count), .def = "",
         .shown = "none", .expects = SAY_SUBNETS, .meaning = "proxies whose X-Forwarded-For is believed"},
        {"ENVIRONMENT", .read = read_environment, AT(environment), .def = "org_23rb8YdGqMT0qIzpgGwdXfHirMu",
         .expects = "org_ and 1 to 60 letters, digits, _ or -", .meaning = "the environment that commands use"},
        {"DEFAULT_PROFILE", .read = read_profile_name, AT(default_profile), .def = "standard",
         .expects = "the name of a profile: 1 to 64 of a-z, 0-9, - and _",
         .meaning = "signing profile of new workspaces"},
        {"RETRY_SCHEDULE", .read = read_retry_schedule, .shown = "of standard",
         .expects = "up to 64 durations of at most 30d separated by commas, such as 5s,5m,2h; nothing for no retries",
         .meaning = "waits between attempts, such as 5s,5m,2h (profile standard)"},
        {"REQUEST_TIMEOUT", .read = read_duration, AT(request_timeout_ms), RANGE(1, 10 * TIME_MINUTE_MS),
         .shown = "of standard", .expects = "a duration from 1ms to 10m, such as 15s",
         .meaning = "how long an attempt may take (profile standard)"},
        {"DEFAULT_SIGNATURE", .read = read_signature, .def = "hmac256", .expects = "hmac256 or ed25519",
         .meaning = "signature of new endpoints, hmac256 or ed25519 (profile standard)"},
        {"DISABLE_AFTER", .read = read_duration, AT(disable_after_ms), RANGE(1, YEARS_10), .def = "5d",
         .expects = SAY_LONG, .meaning = "an endpoint that fails this long is disabled"},
        {"HTTPS_ONLY", .read = read_bool, AT(https_only), .def = "true", .dev_def = "false",
         .shown = "true (--dev: false)", .expects = SAY_BOOL, .meaning = "endpoints need https://"},
        {"ALLOW_SUBNETS", .read = read_subnets, LIST(allow_subnets, allow_subnet_count), .def = "",
         .dev_def = "127.0.0.0/8,::1/128", .shown = "none (--dev: loopback)", .expects = SAY_SUBNETS,
         .meaning = "private networks that may be delivered to"},
        {"EGRESS_BIND", .read = read_addresses, AT(egress_bind), .shown = "none",
         .expects = "addresses of this machine separated by commas, such as 203.0.113.7",
         .meaning = "local addresses that deliveries leave from"},
        {"EGRESS_ADDRESSES", .read = read_networks, AT(egress_addresses), .shown = "EGRESS_BIND",
         .expects = "addresses or subnets separated by commas, such as 203.0.113.7,198.51.100.0/28",
         .meaning = "outgoing addresses that customers are told"},
        {"PROXY", SETTING_MAY_HOLD_SECRET, read_proxy, AT(proxy), .shown = "none",
         .expects = "http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT",
         .meaning = "proxy that deliveries go through"},
        {"NO_PROXY", .read = read_text, AT(no_proxy), .shown = "none", .expects = "host names separated by commas",
         .meaning = "hosts that are reached without the proxy"},
        {"CA_FILE", .read = read_file_path, AT(ca_file), .shown = "the system's", .expects = SAY_FILE,
         .meaning = "certificate authorities (PEM) for deliveries"},
        {"SMTP_URL", SETTING_MAY_HOLD_SECRET, read_smtp_url, AT(smtp_url), .shown = "none",
         .expects = "smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT", .meaning = "relay for e-mail"},
        {"SMTP_FROM", .read = read_mail_address, AT(smtp_from), .shown = "none",
         .expects = "a mail address, such as hooks@example.com", .meaning = "sender of e-mail"},
        {"BODY_LIMIT", .read = read_size, AT(body_limit_bytes), RANGE(KIB, 64 * MIB), .def = "2MiB",
         .expects = "a size from 1KiB to 64MiB, such as 2MiB", .meaning = "largest request body"},
        {"IMPORT_LIMIT", .read = read_size, AT(import_limit_bytes), RANGE(KIB, 1024 * MIB), .def = "32MiB",
         .expects = "a size from 1KiB to 1024MiB, such as 32MiB", .meaning = "largest file of records to import"},
        {"INCOMING_RATE_LIMIT", .read = read_int, AT(incoming_rate_limit), RANGE(1, 1000000), .def = "100",
         .expects = "a number from 1 to 1000000",
         .meaning = "requests per second over the trigger URLs of a workspace"},
        {"MAX_IN_FLIGHT", .read = read_in_flight, RANGE(1, 65536), .def = "16/64/4096",
         .expects = "three numbers from 1 to 65536 that do not fall, such as 16/64/4096",
         .meaning = "attempts at a time per endpoint / per host / total"},
        {"RETENTION_PAYLOAD", .read = read_duration, AT(retention_payload_ms), RANGE(1, YEARS_10), .def = "90d",
         .expects = SAY_LONG, .meaning = "how long payloads are kept"},
        {"RETENTION_ATTEMPTS", .read = read_duration, AT(retention_attempts_ms), RANGE(1, YEARS_10), .def = "90d",
         .expects = SAY_LONG, .meaning = "how long messages and attempts are kept"},
        {"RETENTION_HISTORY", .read = read_duration, AT(retention_history_ms), RANGE(1, YEARS_10), .def = "365d",
         .expects = SAY_LONG, .meaning = "how long the history of records is kept"},
        {"WORKERS", .read = read_workers, RANGE(1, 256), .def = "", .shown = "cores",
         .expects = "a number from 1 to 256", .meaning = "reactor threads"},
        {"MEMORY_LIMIT", .read = read_size, AT(memory_limit_bytes), RANGE(32 * MIB, 1024 * GIB), .def = "256MiB",
         .expects = "a size from 32MiB to 1024GiB, such as 256MiB", .meaning = "memory for work in flight"},
        {"TRANSFORM_WORKERS", .read = read_int, AT(transform_workers), RANGE(1, 64), .def = "2",
         .expects = "a number from 1 to 64", .meaning = "processes that run transformations, at most"},
        {"TRANSFORM_TIMEOUT", .read = read_duration, AT(transform_timeout_ms), RANGE(10, 30000), .def = "1s",
         .expects = "a duration from 10ms to 30s, such as 1s",
         .meaning = "how long a transformation may run; half of it computing"},
        {"TRANSFORM_MEMORY", .read = read_size, AT(transform_memory_bytes), RANGE(8 * MIB, 4 * GIB), .def = "64MiB",
         .expects = "a size from 8MiB to 4GiB, such as 64MiB", .meaning = "memory that a transformation may take"},
        {"LOG_LEVEL", .read = read_log_level, .def = "info", .expects = "error, warn, info or debug",
         .meaning = "error, warn, info or debug"},
        {"LOG_FORMAT", .read = read_log_format, .def = "text", .expects = "text or json", .meaning = "text or json"},
        {"PORTAL_FRAME_ANCESTORS", .read = read_frame_ancestors, AT(frame_ancestors), .def = "'none'",
         .expects = "'none', 'self' or origins separated by spaces, such as https://app.example.com",
         .meaning = "who may embed the portal"},
        {"RESOLVER", .read = read_resolver, AT(resolver), .shown = "the system's",
         .expects = "an address with or without a port, such as 10.0.0.53, 127.0.0.1:5353 or [::1]:53",
         .meaning = "DNS server to ask instead of the system's"},
};

const size_t settings_table_len = ARRAY_LEN(settings_table);

void setting_flag(const struct setting *row, char out[SETTING_NAME_SIZE])
{
    int len = snprintf(out, SETTING_NAME_SIZE, "--%s", row->name);
    for (int i = 2; i < len; i++)
        out[i] = (char)(out[i] == '_' ? '-' : out[i] + ('a' - 'A'));
}

void setting_variable(const struct setting *row, char out[SETTING_NAME_SIZE])
{
    snprintf(out, SETTING_NAME_SIZE, "POSTRIDER_%s", row->name);
}

static const char *shown_default(const struct setting *row)
{
    return row->shown != NULL ? row->shown : row->def != NULL ? row->def : "none";
}

static size_t wider(size_t width, const char *text)
{
    return strlen(text) > width ? strlen(text) : width;
}

void settings_help(struct buf *out)
{
    size_t flag_width = 0, variable_width = 0, default_width = 0;
    char flag[SETTING_NAME_SIZE], variable[SETTING_NAME_SIZE];
    for (size_t i = 0; i < settings_table_len; i++) {
        setting_flag(&settings_table[i], flag);
        setting_variable(&settings_table[i], variable);
        flag_width = wider(flag_width, flag);
        variable_width = wider(variable_width, variable);
        default_width = wider(default_width, shown_default(&settings_table[i]));
    }
    buf_addf(out, "%-*s  %-*s  %-*s  %s\n", (int)flag_width, "flag", (int)variable_width, "variable",
             (int)default_width, "default", "meaning");
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *row = &settings_table[i];
        setting_flag(row, flag);
        setting_variable(row, variable);
        buf_addf(out, "%-*s  %-*s  %-*s  %s\n", (int)flag_width, row->kind == SETTING_SECRET ? "-" : flag,
                 (int)variable_width, variable, (int)default_width, shown_default(row), row->meaning);
    }
    buf_addf(out,
             "\nA flag wins over a variable. DATABASE, JWT_SECRET, MASTER_KEY, PROXY and SMTP_URL may also come from "
             "a file:\nPOSTRIDER_JWT_SECRET_FILE=PATH. Durations: 1ms, 5s, 5m, 2h, 5d. Sizes: bytes, 256KiB, 2MiB, "
             "1GiB.\n");
}

bool setting_nearest(struct str name, bool flags, char out[SETTING_NAME_SIZE])
{
    size_t best = 5; /* further away is no likeness */
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *row = &settings_table[i];
        char known[SETTING_NAME_SIZE];
        if (flags && row->kind == SETTING_SECRET)
            continue;
        if (flags)
            setting_flag(row, known);
        else
            setting_variable(row, known);
        size_t d = str_distance(name, str_c(known));
        if (d < best) {
            best = d;
            memcpy(out, known, SETTING_NAME_SIZE);
        }
    }
    return best < 5;
}
