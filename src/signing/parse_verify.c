/* SPDX-License-Identifier: Apache-2.0 */
/* The member "verify" of a row: what holds for received requests besides the signature. */
#include "signing/header.h"
#include "signing/parse.h"

#define EXPRESSION_MAX 256

/* What browsers and proxies do something with: who writes a row must not speak for the server. */
static const char *const not_echoed[] = {
        "x-accel-*", "x-sendfile*",   "x-lighttpd-*",     "x-litespeed-*", "x-reproxy-*", "x-frame-*", "x-content-*",
        "x-xss-*",   "x-permitted-*", "x-dns-prefetch-*", "x-download-*",  "x-robots-*",  "x-ua-*",    "x-sourcemap"};

static const struct choice handshakes[] = {
#define HANDSHAKE_CHOICE(sym, name) {name, HANDSHAKE_##sym},
        HANDSHAKE_TABLE(HANDSHAKE_CHOICE)
#undef HANDSHAKE_CHOICE
};

static bool may_echo(struct str name)
{
    bool good = header_is_name(name) && str_starts_nocase(name, STR("X-"));
    for (size_t i = 0; i < ARRAY_LEN(not_echoed) && good; i++)
        good = !header_name_fits(str_c(not_echoed[i]), name);
    return good;
}

bool parser_verify(struct parser *ps, const struct json *row)
{
    struct profile_rules *r = &ps->p->rules;
    bool ok = true;
    int handshake = HANDSHAKE_NONE;
    int64_t status = 0;
    const struct json *v = parser_member(ps, row, "", "verify", JSON_OBJECT, &ok);
    r->tolerance_s = PROFILE_TOLERANCE_S;
    if (!ok || !parser_number(ps, v, "verify.", "toleranceSeconds", 0, PROFILE_TOLERANCE_MAX_S, &r->tolerance_s) ||
        !parser_text(ps, v, "verify.", "dedupe", EXPRESSION_MAX, &r->dedupe) ||
        !parser_choice(ps, v, "verify.", "handshake", handshakes, ARRAY_LEN(handshakes), &handshake) ||
        !parser_text(ps, v, "verify.", "timestampInBody", EXPRESSION_MAX, &r->body_time) ||
        !parser_text(ps, v, "verify.", "decodedInUrl", EXPRESSION_MAX, &r->decoded_in_url) ||
        !parser_text(ps, v, "verify.", "bodyHash", EXPRESSION_MAX, &r->body_hash) ||
        !parser_flag(ps, v, "verify.", "anyPort", &r->any_port) ||
        !parser_number(ps, v, "verify.", "acceptedStatus", 200, 204, &status) ||
        !parser_flag(ps, v, "verify.", "quiet", &r->quiet) ||
        !parser_text(ps, v, "verify.", "echo", EXPRESSION_MAX, &r->echo) ||
        !parser_text(ps, v, "verify.", "signatureQuery", EXPRESSION_MAX, &r->signature_query))
        return false;
    if (r->echo.len > 0 && !may_echo(r->echo))
        return parser_fail(ps, "verify.echo", "must name a header that begins with X- and is a provider's own");
    if (r->dedupe.len == 0 && profile_signs_time(ps->p))
        r->dedupe = STR("signed");
    r->handshake = (enum handshake)handshake;
    r->accepted_status = (int)status;
    if (template_occurs(&ps->p->signed_string, FIELD_BODY_TIME) > 0 && r->body_time.len == 0)
        return parser_fail(ps, "verify.timestampInBody",
                           "must name a member, since the signed string holds {body_time}");
    return template_occurs(&ps->p->signed_string, FIELD_FORM) == 0 || r->body_hash.len > 0 ||
           parser_fail(ps, "verify.bodyHash", "must name a parameter, since {form} says nothing of other bodies");
}

const struct profile_rules *profile_rules(const struct profile *p)
{
    return &p->rules;
}

bool profile_signs_time(const struct profile *p)
{
    bool timed = (p->signed_string.fields & (FIELD_BIT(TIMESTAMP) | FIELD_BIT(TIMESTAMP_MS))) != 0;
    return !profile_is_token(p) && (timed || p->rules.body_time.len > 0);
}

bool profile_signs_url(const struct profile *p)
{
    return (p->signed_string.fields & FIELD_BIT(URL)) != 0;
}

struct str profile_signature_header(const struct profile *p)
{
    for (size_t i = 0; i < p->header_count; i++) {
        if ((p->headers[i].value.fields & FIELD_BIT(SIGNATURE)) != 0)
            return p->headers[i].name;
    }
    return STR_NULL;
}

struct str profile_secret_header(const struct profile *p, struct str renamed)
{
    return renamed.len > 0 ? renamed : profile_signature_header(p);
}

bool profile_signs_header(const struct profile *p, struct str name)
{
    for (size_t i = 0; i < p->header_count; i++) {
        if ((p->headers[i].value.fields & FIELD_BIT(SIGNATURE)) != 0 && str_eq_nocase(p->headers[i].name, name))
            return true;
    }
    return false;
}

bool profile_is_token(const struct profile *p)
{
    return p->keys[0].token;
}

bool profile_is_key_pair(const struct profile *p)
{
    return key_form_is_pair(&p->keys[0]);
}
