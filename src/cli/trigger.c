/* SPDX-License-Identifier: Apache-2.0 */
/* `trigger send`: a request as a provider would send it, signed. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/speak.h"
#include "crypto/crypto.h"
#include "delivery/client.h"
#include "delivery/simple.h"
#include "signing/form.h"
#include "signing/profile_incoming.h"
#include "sys/clock.h"

#define HEADERS_MAX 40
#define TIMEOUT_MS  30000
#define ID_BYTES    16

static const struct arg_flag flags[] = {
        {"provider", "NAME", "whose request it is: github, stripe, slack, twilio, hmac…", .kind = ARG_TEXT,
         .required = true},
        {"url", "URL", "where to, as the trigger shows it", .kind = ARG_TEXT, .required = true},
        {"secret", "SECRET",
         "what the provider signs with; of those with a pair of keys \"private:\" and the private one",
         .kind = ARG_TEXT, .required = true},
        {"type", "NAME", "the event's type, for providers that name it in a header", .def = "test", .kind = ARG_TEXT},
        {"content-type", "TYPE", "of the body; a body that is no JSON is a form", .kind = ARG_TEXT},
        {"header", "NAME: VALUE", "another header", .kind = ARG_LIST},
        {"signature-header", "NAME", "the header with the signature, if the trigger has another name for it",
         .kind = ARG_TEXT},
};

static const struct arg_page page = {
        .command = "trigger send",
        .operands = "[FILE]",
        .operands_max = 1,
        .summary = "Sends a request to a trigger as a provider would, with a right signature, and prints the answer. "
                   "Exit status\n0: it was taken.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .notes = "The body is FILE, byte for byte; - is standard input; without one it is {\"test\":true}, with a time "
                 "in "
                 "it for\nproviders that sign one there.",
        .example =
                "postrider trigger send --provider github --secret s3cret --url http://127.0.0.1:8071/v1/webhooks/in/… "
                "push.json",
};

static int list_providers(const struct args *a, const char *name)
{
    struct buf names = BUF_INIT(4096);
    for (size_t i = 0; i < provider_count; i++)
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", providers[i].name);
    int status = args_refuse(a, "there is no provider \"%s\"; known are " STR_FMT, name, STR_ARG(buf_str(&names)));
    buf_fini(&names);
    return status;
}

/* A header of the row, under the name that the trigger wants. */
static const char *rename_header(struct speak *s, const char *line, const char *from, const char *to)
{
    struct str value = str_c(line), name = str_split(&value, ':');
    if (to == NULL || !str_eq_nocase(name, str_c(from)))
        return line;
    return arena_printf(s->arena, "%s:" STR_FMT, to, STR_ARG(value)).ptr;
}

/* The signed headers. NULL: the secret cannot sign. */
static bool sign(struct speak *s, const struct profile *p, struct str body, bool is_form, struct simple_request *r,
                 const char **headers)
{
    const struct args *a = s->args;
    struct str secret = str_c(args_text(a, "secret"));
    unsigned char random[ID_BYTES];
    char uuid[OID_UUID_SIZE];
    struct buf id = BUF_INIT(64), form = BUF_INIT(2 * body.len + 1), out = BUF_INIT(65536);
    struct profile_signers *signers = profile_signers_new(p, &secret, 1);
    if (signers == NULL)
        return false;
    crypto_random(random, sizeof random);
    crypto_hex(str_of((char *)random, sizeof random), &id);
    oid_uuid(clock_system_ms(), (struct hash_key){random[0], random[1]}, uuid);
    if (is_form)
        form_sorted(s->arena, body, &form);
    struct profile_attempt at = {.now_ms = clock_system_ms(),
                                 .message_id = arena_printf(s->arena, "msg_" STR_FMT, STR_ARG(buf_str(&id))),
                                 .event_uuid = str_c(uuid),
                                 .type = str_c(args_text(a, "type")),
                                 .number = 1,
                                 .url = profile_signed_url(p, s->arena, str_c(r->url)),
                                 .form = buf_str(&form),
                                 .body_time = profile_body_time(p, s->arena, body),
                                 .body = {body}};
    size_t n = profile_headers(p, signers, &at, &out);
    const char *line = arena_str(s->arena, buf_str(&out)).ptr;
    struct str signature = profile_signature_header(p);
    for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
        headers[r->header_count++] =
                rename_header(s, line, arena_cstr(s->arena, signature), args_text(a, "signature-header"));
    profile_signers_free(signers);
    buf_fini(&id);
    buf_fini(&form);
    buf_fini(&out);
    return true;
}

/* Where a body that is no form is signed by its hash in the URL. */
static const char *signed_url(struct speak *s, const struct profile *p, struct str body, bool is_form)
{
    const char *url = args_text(s->args, "url");
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct buf hex = BUF_INIT(2 * sizeof hash);
    struct str name = profile_rules(p)->body_hash;
    if (is_form || name.len == 0 ||
        form_find(s->arena, str_skip(str_c(url), str_find(str_c(url), '?') + 1), name).ptr != NULL)
        return url;
    crypto_sha256(body, hash);
    crypto_hex(str_of((char *)hash, sizeof hash), &hex);
    struct str out = arena_printf(s->arena, "%s%c" STR_FMT "=" STR_FMT, url, strchr(url, '?') != NULL ? '&' : '?',
                                  STR_ARG(name), STR_ARG(buf_str(&hex)));
    buf_fini(&hex);
    return out.ptr;
}

static int send_request(struct speak *s, const struct profile *p, struct str body)
{
    const struct args *a = s->args;
    const char *headers[HEADERS_MAX + ARGS_GIVEN_MAX], *why = "the client cannot start",
                                                       *type = args_text(a, "content-type");
    struct json *tree;
    struct simple_answer got;
    bool is_json = json_parse(s->arena, body, &tree, NULL) == ERR_OK;
    if (type == NULL)
        type = is_json ? "application/json" : "application/x-www-form-urlencoded";
    bool is_form = form_is_type(str_c(type));
    struct simple_request r = {.method = "POST",
                               .url = signed_url(s, p, body, is_form),
                               .headers = headers,
                               .body = body,
                               .timeout_ms = TIMEOUT_MS,
                               .ca_file = s->ca_file,
                               .pinned_cert = s->pinned_cert};
    if (!sign(s, p, body, is_form, &r, headers))
        return args_refuse(
                a,
                "%s cannot sign with this --secret: write one, or \"private:\" and the private key for those "
                "that sign with a key of their own",
                args_text(a, "provider"));
    headers[r.header_count++] = arena_printf(s->arena, "Content-Type: %s", type).ptr;
    r.header_count += args_list(a, "header", headers + r.header_count, ARGS_GIVEN_MAX);
    if (client_global_init() != ERR_OK || simple_send(&r, &got, &why) != ERR_OK) {
        fprintf(stderr, "postrider trigger send: %s: %s\n", r.url, why);
        return CLI_COULD_NOT;
    }
    bool taken = got.status >= 200 && got.status <= 299;
    fprintf(a->json ? stderr : stdout, "%d\n", got.status);
    printf(STR_FMT "%s", STR_ARG(buf_str(&got.body)), got.body.len > 0 ? "\n" : "");
    simple_answer_fini(&got);
    return taken ? CLI_DONE : CLI_NO;
}

static struct str default_body(struct arena *a, const struct profile *p)
{
    struct str time = profile_rules(p)->body_time;
    if (time.len == 0)
        return STR("{\"test\":true}");
    return arena_printf(a, "{\"test\":true,\"" STR_FMT "\":%lld}", STR_ARG(time), (long long)clock_system_ms());
}

/* What would be sent as something else than it says, or not at all. */
static int check_given(const struct args *a)
{
    const char *headers[ARGS_GIVEN_MAX], *url = args_text(a, "url");
    if (!str_starts_nocase(str_c(url), STR("http://")) && !str_starts_nocase(str_c(url), STR("https://")))
        return args_refuse(a, "--url \"%s\" does not fit: write the whole Trigger URL, from http:// or https:// on",
                           url);
    size_t n = args_list(a, "header", headers, ARRAY_LEN(headers));
    for (size_t i = 0; i < n; i++)
        if (headers[i][0] == ':' || strchr(headers[i], ':') == NULL)
            return args_refuse(a, "--header \"%s\" does not fit: write a name, a colon and the value", headers[i]);
    return ARGS_GO_ON;
}

static int trigger_send(int argc, char **argv)
{
    struct args a;
    struct speak s;
    struct str body;
    int status = args_read(&page, argc, argv, &a);
    if (status == ARGS_GO_ON)
        status = check_given(&a);
    if (status != ARGS_GO_ON)
        return status;
    const struct provider *known = provider_find(str_c(args_text(&a, "provider")));
    if (known == NULL)
        return list_providers(&a, args_text(&a, "provider"));
    struct profile *p = provider_profile(known);
    s = (struct speak){.args = &a, .arena = arena_new(65536)};
    body = default_body(s.arena, p);
    if (a.operand_count > 0)
        status = speak_read(&s, a.operands[0], &body);
    if (status == ARGS_GO_ON)
        status = send_request(&s, p, body);
    profile_free(p);
    arena_free(s.arena);
    return status;
}

int cli_trigger(int argc, char **argv)
{
    static const char *const words[] = {"send"};
    static const char *const summaries[] = {"Sends a request to a trigger, signed as a provider would."};
    const struct args_words w = {"trigger", words, summaries, ARRAY_LEN(words)};
    int status;
    return args_word(&w, argc, argv, &status) < 0 ? status : trigger_send(argc - 1, argv + 1);
}
