/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "config/settings.h"

static char key_path[64] = "/tmp/postrider-settings-XXXXXX";

/* Nothing but the test's own settings is in the environment. */
static int clean(void **state)
{
    (void)state;
    return clearenv();
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(key_path);
    if (fd < 0 || write(fd, "s3cr3t\n", 7) != 7)
        return -1;
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(key_path);
}

/* Loads with up to four arguments (NULL: end). The message is kept in `said`. */
static char said[4096];

static enum err load(struct settings *s, const char *a, const char *b, const char *c, const char *d)
{
    char *argv[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c, (char *)(uintptr_t)d, NULL};
    int argc = 0;
    struct buf why = BUF_INIT(sizeof said - 1);
    while (argv[argc] != NULL)
        argc++;
    enum err e = settings_load(s, argc, argv, &why);
    snprintf(said, sizeof said, STR_FMT, STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return e;
}

static void has(const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, said);
}

static void defaults(void **state)
{
    (void)state;
    struct settings s;
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_string_equal(s.listen, "127.0.0.1:8071");
    assert_string_equal(s.metrics_listen, "127.0.0.1:9071");
    assert_string_equal(s.database, "sqlite:postrider.db");
    assert_string_equal(s.sqlite_path, "postrider.db");
    assert_string_equal(s.keys_path, "postrider.keys");
    assert_string_equal(s.public_url, "http://127.0.0.1:8071");
    assert_string_equal(s.environment, "org_23rb8YdGqMT0qIzpgGwdXfHirMu");
    assert_string_equal(s.default_profile, "standard");
    assert_string_equal(s.frame_ancestors, "'none'");
    assert_true(s.https_only && !s.dev && !s.retry_schedule_set && !s.default_ed25519);
    assert_null(s.jwt_secret);
    assert_null(s.master_key);
    assert_null(s.tls_cert);
    assert_null(s.egress_bind);
    assert_null(s.egress_addresses);
    assert_null(s.proxy);
    assert_null(s.resolver);
    assert_null(s.retry_schedule_ms);
    assert_int_equal(s.trusted_proxy_count, 0);
    assert_int_equal(s.allow_subnet_count, 0);
    assert_int_equal(s.request_timeout_ms, 0);
    assert_int_equal(s.disable_after_ms, 5 * TIME_DAY_MS);
    assert_int_equal(s.body_limit_bytes, 2 << 20);
    assert_int_equal(s.incoming_rate_limit, 100);
    assert_int_equal(s.in_flight_per_endpoint, 16);
    assert_int_equal(s.in_flight_per_host, 64);
    assert_int_equal(s.in_flight_total, 4096);
    assert_int_equal(s.retention_payload_ms, 90 * TIME_DAY_MS);
    assert_int_equal(s.retention_attempts_ms, 90 * TIME_DAY_MS);
    assert_int_equal(s.memory_limit_bytes, 256 << 20);
    assert_int_equal(s.log_level, LOG_INFO);
    assert_int_equal(s.log_format, LOG_TEXT);
    assert_in_range(s.workers, 1, 256);
    settings_fini(&s);
    settings_fini(NULL);
}

/* Each setting: the flag (made from the name) with a good and a bad value. NULL: no such case. */
static void every_setting(void **state)
{
    (void)state;
    static const struct {
        const char *name, *good, *bad, *says;
    } rows[] = {
            {"DEV", "true", "maybe", "true or false"},
            {"LISTEN", "[::1]:80", "8071", "HOST:PORT"},
            {"LISTEN", ":0", "", "HOST:PORT"},
            {"LISTEN", "0.0.0.0:65535", "127.0.0.1:65536", "HOST:PORT"},
            {"LISTEN", "my-host.example.com:1", "[::1:80", "HOST:PORT"},
            {"LISTEN", "[::]:8071", "::1:80", "HOST:PORT"},
            {"LISTEN", NULL, "[1.1.1.1]:80", "HOST:PORT"},
            {"LISTEN", NULL, "a b:80", "HOST:PORT"},
            {"LISTEN", NULL, "[::1]80", "HOST:PORT"},
            {"LISTEN", NULL, "]:80", "HOST:PORT"},
            {"LISTEN", NULL, "[", "HOST:PORT"},
            {"TLS_CERT", NULL, "/nowhere/cert.pem", "can be read"},
            {"TLS_KEY", NULL, "/nowhere/key.pem", "can be read"},
            {"METRICS_LISTEN", "off", "x", "or off"},
            {"METRICS_LISTEN", "", "9071", "or off"},
            {"DATABASE", "sqlite:/var/lib/x.db", "postgresql://h/db", "embedded store only"},
            {"DATABASE", "x.db", "postgres://h/db", "embedded store only"},
            {"DATABASE", "sqlite:///x.db", "mysql://x", "sqlite:PATH"},
            {"DATABASE", NULL, "sqlite:", "sqlite:PATH"},
            {"DATABASE", NULL, "sqlite:/tmp/", "sqlite:PATH"},
            {"DATABASE", NULL, "sqlite::memory:", "sqlite:PATH"},
            {"PUBLIC_URL", "https://hooks.example.com/base", "hooks.example.com", "https://"},
            {"PUBLIC_URL", "", "https://", "https://"},
            {"PUBLIC_URL", NULL, "https://x/?y", "https://"},
            {"PUBLIC_URL", NULL, "https://x/#y", "https://"},
            {"PUBLIC_URL", NULL, "https://x y", "https://"},
            {"TRUSTED_PROXIES", "10.0.0.0/8, ::1", "10.0.0.1/8", "behind the prefix"},
            {"TRUSTED_PROXIES", "", "proxy", "separated by commas"},
            {"ENVIRONMENT", "org_x", "env_x", "org_"},
            {"ENVIRONMENT", NULL, "org_", "org_"},
            {"ENVIRONMENT", NULL, "org_a/b", "org_"},
            {"DEFAULT_PROFILE", "metapulse", "MetaPulse", "a-z"},
            {"DEFAULT_PROFILE", NULL, "", "a-z"},
            {"DEFAULT_PROFILE", NULL, "-x", "a-z"},
            {"RETRY_SCHEDULE", "5s,5m, 2h", "5", "such as 5s,5m,2h"},
            {"RETRY_SCHEDULE", "", "5s,,5m", "such as 5s,5m,2h"},
            {"RETRY_SCHEDULE", "30d", "31d", "such as 5s,5m,2h"},
            {"RETRY_SCHEDULE", NULL, "5s,5m,", "such as 5s,5m,2h"},
            {"REQUEST_TIMEOUT", "15s", "15", "from 1ms to 10m"},
            {"REQUEST_TIMEOUT", "10m", "11m", "from 1ms to 10m"},
            {"REQUEST_TIMEOUT", NULL, "0", "from 1ms to 10m"},
            {"DEFAULT_SIGNATURE", "ed25519", "rsa", "hmac256 or ed25519"},
            {"DISABLE_AFTER", "1ms", "never", "duration"},
            {"HTTPS_ONLY", "no", "2", "true or false"},
            {"ALLOW_SUBNETS", "127.0.0.0/8,::1/128", "127.0.0.0/33", "subnets"},
            {"EGRESS_BIND", "203.0.113.7,::1", "eth0", "addresses of this machine"},
            {"EGRESS_BIND", "", "203.0.113.0/24", "addresses of this machine"},
            {"EGRESS_ADDRESSES", "203.0.113.0/24,198.51.100.1", "x", "addresses or subnets"},
            {"PROXY", "http://127.0.0.1:3128", "127.0.0.1:3128", "socks5h://HOST:PORT"},
            {"PROXY", "", "ftp://x", "socks5h://HOST:PORT"},
            {"NO_PROXY", "a.example.com,b.example.com", NULL, NULL},
            {"CA_FILE", "", "/nowhere/ca.pem", "can be read"},
            {"SMTP_URL", "smtp://127.0.0.1:25", "mail.example.com", "smtp://"},
            {"SMTP_FROM", "Hooks <hooks@example.com>", "hooks", "mail address"},
            {"BODY_LIMIT", "256KiB", "2MB", "from 1KiB to 64MiB"},
            {"BODY_LIMIT", "1024", "1023", "from 1KiB to 64MiB"},
            {"BODY_LIMIT", "64MiB", "1GiB", "from 1KiB to 64MiB"},
            {"BODY_LIMIT", NULL, "99999999999999999999GiB", "from 1KiB to 64MiB"},
            {"BODY_LIMIT", NULL, "9223372036854775807GiB", "from 1KiB to 64MiB"},
            {"BODY_LIMIT", NULL, "MiB", "from 1KiB to 64MiB"},
            {"INCOMING_RATE_LIMIT", "1000000", "0", "from 1 to 1000000"},
            {"INCOMING_RATE_LIMIT", NULL, "ten", "from 1 to 1000000"},
            {"MAX_IN_FLIGHT", "1/1/1", "16", "three numbers"},
            {"MAX_IN_FLIGHT", "16 / 64 / 4096", "64/16/4096", "three numbers"},
            {"MAX_IN_FLIGHT", NULL, "1/2/3/4", "three numbers"},
            {"MAX_IN_FLIGHT", NULL, "0/64/4096", "three numbers"},
            {"MAX_IN_FLIGHT", NULL, "16/64/65537", "three numbers"},
            {"RETENTION_PAYLOAD", "3s", "3651d", "3650d"},
            {"RETENTION_ATTEMPTS", "12h", "-1d", "3650d"},
            {"RETENTION_HISTORY", "30d", "soon", "3650d"},
            {"WORKERS", "4", "257", "from 1 to 256"},
            {"WORKERS", NULL, "0", "from 1 to 256"},
            {"MEMORY_LIMIT", "1GiB", "1MiB", "from 32MiB"},
            {"LOG_LEVEL", "debug", "trace", "error, warn, info or debug"},
            {"LOG_FORMAT", "json", "xml", "text or json"},
            {"PORTAL_FRAME_ANCESTORS", "'self' https://*.example.com:8443", "x; script-src *", "origins"},
            {"PORTAL_FRAME_ANCESTORS", NULL, "", "origins"},
            {"RESOLVER", "127.0.0.1:5353", "dns.example.com", "such as 10.0.0.53"},
            {"RESOLVER", "[::1]:53", "127.0.0.1:0", "such as 10.0.0.53"},
            {"RESOLVER", "2606:4700::1111", "10.0.0.0/8", "such as 10.0.0.53"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings s;
        char flag[64], variable[64], both[256];
        snprintf(variable, sizeof variable, "POSTRIDER_%s", rows[i].name);
        snprintf(flag, sizeof flag, "--%s", rows[i].name);
        for (char *c = flag; *c != '\0'; c++)
            *c = (char)(*c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        if (rows[i].good != NULL) {
            snprintf(both, sizeof both, "%s=%s", flag, rows[i].good);
            if (load(&s, both, NULL, NULL, NULL) != ERR_OK)
                fail_msg("row %zu: %s", i, said);
            settings_fini(&s);
            if (strcmp(flag, "--dev") != 0) {
                assert_int_equal(load(&s, flag, rows[i].good, NULL, NULL), ERR_OK);
                settings_fini(&s);
            }
            setenv(variable, rows[i].good, 1);
            assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
            settings_fini(&s);
            unsetenv(variable);
        }
        if (rows[i].bad != NULL) {
            snprintf(both, sizeof both, "%s=%s", flag, rows[i].bad);
            if (load(&s, both, NULL, NULL, NULL) != ERR_INVALID)
                fail_msg("row %zu: accepted", i);
            has(flag);
            has(rows[i].says);
            if (strcmp(rows[i].name, "DATABASE") != 0 && strcmp(rows[i].name, "PROXY") != 0 &&
                strcmp(rows[i].name, "SMTP_URL") != 0)
                has(rows[i].bad);
            setenv(variable, rows[i].bad, 1);
            assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
            has(variable);
            unsetenv(variable);
        }
    }
}

static void values_arrive(void **state)
{
    (void)state;
    struct settings s;
    setenv("POSTRIDER_RETRY_SCHEDULE", "5s,0.5s,2h", 1);
    setenv("POSTRIDER_MAX_IN_FLIGHT", "1/2/3", 1);
    setenv("POSTRIDER_EGRESS_BIND", "127.0.0.2, 127.0.0.3", 1);
    setenv("POSTRIDER_ALLOW_SUBNETS", "10.0.0.0/8,fd00::/8", 1);
    setenv("POSTRIDER_PUBLIC_URL", "https://hooks.example.com//", 1);
    setenv("POSTRIDER_DATABASE", "sqlite:/var/lib/postrider/p.db", 1);
    setenv("POSTRIDER_DEFAULT_SIGNATURE", "ed25519", 1);
    setenv("POSTRIDER_LOG_LEVEL", "WARN", 1);
    assert_int_equal(load(&s, "--listen", "0.0.0.0:0", "--body-limit=1MiB", NULL), ERR_OK);
    assert_true(s.retry_schedule_set);
    assert_int_equal(s.retry_count, 3);
    assert_int_equal(s.retry_schedule_ms[0], 5000);
    assert_int_equal(s.retry_schedule_ms[1], 500);
    assert_int_equal(s.retry_schedule_ms[2], 7200000);
    assert_int_equal(s.in_flight_per_endpoint * 100 + s.in_flight_per_host * 10 + s.in_flight_total, 123);
    assert_string_equal(s.egress_bind[0], "127.0.0.2");
    assert_string_equal(s.egress_bind[1], "127.0.0.3");
    assert_null(s.egress_bind[2]);
    assert_int_equal(s.allow_subnet_count, 2);
    assert_int_equal(s.allow_subnets[0].prefix_bits, 104);
    assert_string_equal(s.public_url, "https://hooks.example.com");
    assert_string_equal(s.sqlite_path, "/var/lib/postrider/p.db");
    assert_string_equal(s.keys_path, "/var/lib/postrider/postrider.keys");
    assert_true(s.default_ed25519);
    assert_int_equal(s.log_level, LOG_WARN);
    assert_int_equal(s.body_limit_bytes, 1 << 20);
    settings_fini(&s);
    setenv("POSTRIDER_RETRY_SCHEDULE", "", 1);
    unsetenv("POSTRIDER_PUBLIC_URL");
    assert_int_equal(load(&s, "--listen=[::]:80", "--log-level", "error", NULL), ERR_OK);
    assert_true(s.retry_schedule_set);
    assert_int_equal(s.retry_count, 0);
    assert_non_null(s.retry_schedule_ms);
    assert_string_equal(s.public_url, "http://localhost:80");
    assert_int_equal(s.log_level, LOG_ERROR); /* the flag wins */
    settings_fini(&s);
    clearenv();
}

static void dev(void **state)
{
    (void)state;
    struct settings s;
    assert_int_equal(load(&s, "--dev", NULL, NULL, NULL), ERR_OK);
    assert_true(s.dev && !s.https_only);
    assert_int_equal(s.allow_subnet_count, 2);
    struct ssrf_policy p = {.allow = s.allow_subnets, .allow_count = s.allow_subnet_count};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_null(ssrf_check_address(&p, (struct sockaddr *)&in));
    settings_fini(&s);
    /* what is said explicitly stays */
    assert_int_equal(load(&s, "--dev", "--https-only=true", "--allow-subnets=", NULL), ERR_OK);
    assert_true(s.https_only);
    assert_int_equal(s.allow_subnet_count, 0);
    settings_fini(&s);
    setenv("POSTRIDER_DEV", "1", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_false(s.https_only);
    settings_fini(&s);
    assert_int_equal(load(&s, "--dev=false", NULL, NULL, NULL), ERR_OK);
    assert_true(s.https_only);
    settings_fini(&s);
    clearenv();
}

static void secrets(void **state)
{
    (void)state;
    struct settings s;
    static const char *const flags[] = {"--jwt-secret", "--jwt-secret=canary", "--master-key", "--master-key=canary"};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        assert_int_equal(load(&s, flags[i], "canary", NULL, NULL), ERR_INVALID);
        has(i < 2 ? "set POSTRIDER_JWT_SECRET, or POSTRIDER_JWT_SECRET_FILE" : "POSTRIDER_MASTER_KEY_FILE");
        assert_null(strstr(said, "canary"));
    }
    assert_int_equal(load(&s, "--proxy", "http://u:canary@127.0.0.1:3128", NULL, NULL), ERR_INVALID);
    has("POSTRIDER_PROXY");
    assert_null(strstr(said, "canary"));
    assert_int_equal(load(&s, "--smtp-url=smtps://u:canary@h:465", NULL, NULL, NULL), ERR_INVALID);
    assert_null(strstr(said, "canary"));
    setenv("POSTRIDER_PROXY", "http://u:canary@127.0.0.1:3128", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_string_equal(s.proxy, "http://u:canary@127.0.0.1:3128");
    settings_fini(&s);
    setenv("POSTRIDER_PROXY", "foo://u:canary@127.0.0.1:3128", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    assert_null(strstr(said, "canary"));
    clearenv();
    setenv("POSTRIDER_DATABASE", "postgresql://u:canary@h/db", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("embedded store only");
    assert_null(strstr(said, "canary"));
    clearenv();
    setenv("POSTRIDER_JWT_SECRET", "", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("must not be empty");
    clearenv();
    setenv("POSTRIDER_MASTER_KEY", "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef", 1);
    setenv("POSTRIDER_JWT_SECRET", "x", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_string_equal(s.jwt_secret, "x");
    assert_int_equal(strlen(s.master_key), 64);
    settings_fini(&s);
    setenv("POSTRIDER_MASTER_KEY", "canary", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("64 hexadecimal digits");
    assert_null(strstr(said, "canary"));
    clearenv();
}

static void files(void **state)
{
    (void)state;
    struct settings s;
    setenv("POSTRIDER_JWT_SECRET_FILE", key_path, 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_string_equal(s.jwt_secret, "s3cr3t");
    settings_fini(&s);
    setenv("POSTRIDER_JWT_SECRET", "other", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("POSTRIDER_JWT_SECRET and POSTRIDER_JWT_SECRET_FILE are both set");
    unsetenv("POSTRIDER_JWT_SECRET");
    setenv("POSTRIDER_JWT_SECRET_FILE", "/nowhere/secret", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("/nowhere/secret");
    has("No such file");
    clearenv();
    assert_int_equal(load(&s, "--jwt-secret-file", key_path, NULL, NULL), ERR_OK);
    assert_string_equal(s.jwt_secret, "s3cr3t");
    settings_fini(&s);
    setenv("POSTRIDER_LISTEN_FILE", key_path, 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("POSTRIDER_LISTEN_FILE");
    clearenv();
    setenv("POSTRIDER_MASTER_KEY_FILE", key_path, 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("POSTRIDER_MASTER_KEY_FILE");
    assert_null(strstr(said, "s3cr3t"));
    clearenv();
    setenv("POSTRIDER_TLS_CERT", key_path, 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("POSTRIDER_TLS_KEY is missing");
    setenv("POSTRIDER_TLS_KEY", key_path, 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    assert_string_equal(s.public_url, "https://127.0.0.1:8071");
    settings_fini(&s);
    clearenv();
}

static void unknown_names(void **state)
{
    (void)state;
    struct settings s;
    static const struct {
        const char *arg, *says;
    } flags[] = {
            {"--lisen", "did you mean --listen?"},
            {"--retry-schedul=5s", "did you mean --retry-schedule?"},
            {"--listen-file", "--listen"},
            {"--something-else", "--help"},
            {"-h", "\"-h\" is not a flag"},
            {"serve", "not a flag"},
            {"--", "not a flag"},
            {"--listen", "--listen needs a value: write HOST:PORT"},
            {"--LISTEN=x", "not a flag"},
            {"--x\n\x1b[1m", "--x??[1m"},
    };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        assert_int_equal(load(&s, flags[i].arg, NULL, NULL, NULL), ERR_INVALID);
        has(flags[i].says);
    }
    assert_int_equal(load(&s, "--listen", "--dev", NULL, NULL), ERR_INVALID);
    has("needs a value");
    setenv("POSTRIDER_LISTN", "x", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    has("did you mean POSTRIDER_LISTEN?");
    clearenv();
    setenv("POSTRIDER_PORT", "80", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_INVALID);
    clearenv();
    /* other commands' variables, and those of Kubernetes for a service of our name */
    setenv("POSTRIDER_URL", "http://127.0.0.1:8071", 1);
    setenv("POSTRIDER_TOKEN", "x", 1);
    setenv("POSTRIDER_PORT", "tcp://10.0.0.1:8071", 1);
    setenv("POSTRIDER_PORT_8071_TCP_ADDR", "10.0.0.1", 1);
    setenv("POSTRIDER_SERVICE_HOST", "10.0.0.1", 1);
    assert_int_equal(load(&s, NULL, NULL, NULL, NULL), ERR_OK);
    settings_fini(&s);
    clearenv();
}

static void help(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(100000);
    settings_help(&out);
    struct str text = buf_str(&out);
    struct str header = str_split(&text, '\n');
    size_t variable_at = str_find_str(header, STR("variable")), default_at = str_find_str(header, STR("default")),
           meaning_at = str_find_str(header, STR("meaning")), rows = 0;
    for (;;) {
        struct str line = str_split(&text, '\n');
        if (line.len == 0)
            break;
        assert_true(str_starts(str_skip(line, variable_at), STR("POSTRIDER_")));
        assert_true(line.ptr[default_at] != ' ' && line.ptr[default_at - 1] == ' ');
        assert_true(line.ptr[meaning_at] != ' ' && line.ptr[meaning_at - 1] == ' ');
        rows++;
    }
    assert_int_equal(
            rows,
            41); /* the 34 of the contract, --dev, the resolver, imports, histories and three of transformations */
    struct str whole = buf_str(&out);
    assert_true(str_find_str(whole, STR("--jwt-secret ")) == whole.len);
    assert_true(str_find_str(whole, STR("--max-in-flight ")) < whole.len);
    assert_true(str_find_str(whole, STR("DNS server to ask instead of the system's")) < whole.len);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(defaults, clean),      cmocka_unit_test_setup(every_setting, clean),
            cmocka_unit_test_setup(values_arrive, clean), cmocka_unit_test_setup(dev, clean),
            cmocka_unit_test_setup(secrets, clean),       cmocka_unit_test_setup(files, clean),
            cmocka_unit_test_setup(unknown_names, clean), cmocka_unit_test_setup(help, clean),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
