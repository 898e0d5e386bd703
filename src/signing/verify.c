/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's side: the header templates are read backwards, the signed string is put together from what they gave,
 * and any of the signatures may fit any of the secrets.
 */
#include "base/mem.h"
#include "signing/form.h"
#include "signing/row.h"
#include "json/tree.h"

#define CANDIDATES_MAX   32
#define SECRET_BYTES_MAX 1024
#define SCRATCH          1024

/* What the headers gave. */
struct evidence {
    struct values values;
    struct str candidates[CANDIDATES_MAX]; /* as in the header, still in their format */
    size_t candidate_count;
};

static void add_candidates(const struct profile *p, struct str text, struct evidence *ev)
{
    while (text.len > 0 && ev->candidate_count < CANDIDATES_MAX) {
        size_t len = p->separator.len > 0 ? str_find_str(text, p->separator) : text.len;
        ev->candidates[ev->candidate_count++] = str_trim(str_take(text, len));
        text = str_skip(text, len + p->separator.len);
    }
}

/* False when this header contradicts one before it. */
static bool read_header(const struct profile *p, const struct template *t, struct str value, struct evidence *ev)
{
    struct values got = {0};
    unsigned wanted = p->signed_string.fields | FIELD_BIT(SIGNATURE);
    if ((t->fields & wanted) == 0)
        return true;
    /* The name of a scheme is in no case: "bearer" is "Bearer" (RFC 9110, section 11.1). */
    if (p->keys[0].token ? !template_match_nocase(t, str_trim(value), &got) : !template_match(t, str_trim(value), &got))
        return true;
    add_candidates(p, got.of[FIELD_SIGNATURE], ev);
    for (int f = FIELD_TEXT + 1; f < FIELD_COUNT; f++) {
        struct str *known = &ev->values.of[f];
        if (f == FIELD_SIGNATURE || got.of[f].ptr == NULL)
            continue;
        if (known->ptr != NULL && !str_eq(*known, got.of[f]))
            return false;
        *known = got.of[f];
    }
    return true;
}

static bool collect(const struct profile *p, const struct profile_request *rq, struct evidence *ev)
{
    for (size_t i = 0; i < p->header_count; i++) {
        bool signs = (p->headers[i].value.fields & FIELD_BIT(SIGNATURE)) != 0;
        struct str name = signs && rq->signature_header.len > 0 ? rq->signature_header : p->headers[i].name;
        for (size_t h = 0; h < rq->header_count; h++) {
            if (str_eq_nocase(rq->headers[h].name, name) &&
                !read_header(p, &p->headers[i].value, rq->headers[h].value, ev))
                return false;
        }
    }
    return true;
}

/* NULL, or what is wrong with a signed time; unit_ms is what one of it is worth. */
static const char *judge_time(struct str text, int64_t unit_ms, const struct profile_request *rq)
{
    int64_t v;
    if (str_to_i64(text, &v) != ERR_OK || v < 0 || v > INT64_MAX / unit_ms)
        return "the timestamp is not a number";
    int64_t age_ms = rq->now_ms - v * unit_ms;
    if (rq->tolerance_s > 0 && age_ms > rq->tolerance_s * 1000)
        return "the timestamp is too old";
    if (rq->tolerance_s > 0 && -age_ms > rq->tolerance_s * 1000)
        return "the timestamp lies in the future";
    return NULL;
}

/* NULL, or what is missing or wrong before any signature is looked at. */
static const char *judge_evidence(const struct profile *p, const struct profile_request *rq, const struct evidence *ev)
{
    unsigned fields = p->signed_string.fields;
    const char *why = NULL;
    if (ev->candidate_count == 0)
        return "the signature header is missing or cannot be read";
    if ((fields & FIELD_BIT(MESSAGE_ID)) != 0 && ev->values.of[FIELD_MESSAGE_ID].len == 0)
        return "the header with the message id is missing";
    if ((fields & FIELD_BIT(TIMESTAMP)) != 0)
        why = judge_time(ev->values.of[FIELD_TIMESTAMP], 1000, rq);
    if (why == NULL && (fields & FIELD_BIT(TIMESTAMP_MS)) != 0)
        why = judge_time(ev->values.of[FIELD_TIMESTAMP_MS], 1, rq);
    return why;
}

static size_t list_parts(const struct profile *p, const struct values *v, struct str parts[SEGMENTS_MAX])
{
    for (size_t i = 0; i < p->signed_string.count; i++) {
        const struct segment *s = &p->signed_string.segments[i];
        parts[i] = s->field == FIELD_TEXT ? s->text : v->of[s->field];
    }
    return p->signed_string.count;
}

/* In either alphabet. */
static enum err unbase64(struct str text, struct buf *out)
{
    enum err e = crypto_unbase64(text, out);
    if (e == ERR_OK)
        return e;
    buf_clear(out);
    for (int i = 0; i < 2 && str_ends(text, STR("=")); i++)
        text.len--;
    return crypto_unbase64url(text, out);
}

/* The bytes of a candidate in the format of this kind of key; false when it is of another kind. */
static bool decode_candidate(const struct profile *p, const struct key_form *form, struct str text, struct buf *out)
{
    struct values got = {0};
    enum err e = ERR_OK;
    buf_clear(out);
    if (!template_match(&form->format, text, &got))
        return false;
    struct str signature = got.of[FIELD_SIGNATURE];
    switch (p->encoding) {
    case FORM_RAW:
    case FORM_ALPHANUMERIC:
        buf_add_str(out, signature);
        break;
    case FORM_BASE64:
        e = unbase64(signature, out);
        break;
    case FORM_HEX:
        e = crypto_unhex(signature, out);
        break;
    }
    return e == ERR_OK && !out->overflow;
}

/* What a candidate is compared with, of one secret. */
struct expectation {
    const struct secret_key *key;
    struct str public;       /* of a pair: the key to verify with */
    struct str mac;          /* else: what the signature must be */
    const struct str *parts; /* of the signed string */
    size_t count;
};

static bool fits(const struct expectation *x, struct str signature)
{
    const struct key_form *f = x->key->form;
    if (!key_form_is_pair(f))
        return crypto_equal(x->mac, signature);
    if (f->mac == CRYPTO_ECDSA)
        return crypto_ecdsa_verify(x->public, x->parts, x->count, signature);
    return crypto_ed25519_verify(x->public, x->parts, x->count, signature);
}

/* Appends the public key that belongs to a key; false when it cannot be used. */
static bool find_public(const struct secret_key *k, struct buf *out)
{
    unsigned char seed[32];
    if (k->public) {
        buf_add_str(out, k->key);
        return true;
    }
    if (k->form->mac == CRYPTO_ECDSA)
        return crypto_ecdsa_public(k->key, out) == ERR_OK;
    if (crypto_ed25519_public(k->key, seed) != ERR_OK)
        return false;
    buf_add(out, seed, sizeof seed);
    return true;
}

static bool any_fits(const struct profile *p, const struct secret_key *k, const struct evidence *ev,
                     const struct str *parts, size_t count)
{
    unsigned char mac[CRYPTO_MAC_MAX];
    struct expectation x = {.key = k, .parts = parts, .count = count, .mac = k->key};
    struct buf public = BUF_INIT(SECRET_BYTES_MAX), got = BUF_INIT(SECRET_BYTES_MAX);
    bool found = false, usable = true;
    if (key_form_is_pair(k->form)) {
        usable = find_public(k, &public);
        x.public = buf_str(&public);
    } else if (!k->form->token) {
        struct crypto_signer *s = crypto_signer_new(k->form->mac, k->key);
        usable = s != NULL;
        if (usable)
            x.mac = str_of((char *)mac, crypto_sign(s, parts, count, mac));
        crypto_signer_free(s);
    }
    for (size_t i = 0; usable && i < ev->candidate_count && !found; i++)
        found = decode_candidate(p, k->form, ev->candidates[i], &got) && fits(&x, buf_str(&got));
    buf_fini(&public);
    buf_fini(&got);
    return found;
}

/* Whether any secret fits the parts; *why says what the last one that could be used lacks. */
static bool any_secret_fits(const struct profile *p, const struct str *secrets, size_t count, const struct evidence *ev,
                            const char **why)
{
    struct str parts[SEGMENTS_MAX];
    size_t part_count = list_parts(p, &ev->values, parts);
    for (size_t i = 0; i < count; i++) {
        struct buf key = BUF_INIT(SECRET_BYTES_MAX);
        struct secret_key k;
        bool usable = secret_decode(p, secrets[i], &key, &k, why) == ERR_OK;
        bool good = usable && any_fits(p, &k, ev, parts, part_count);
        mem_free_secret(key.ptr, key.cap);
        if (good)
            return true;
        if (usable)
            *why = "the signature does not fit";
    }
    return false;
}

/* ---- what is signed, of rows that are only received ------------------------------------------------------------ */

static struct str find_header(const struct profile_request *rq, struct str name)
{
    for (size_t i = 0; i < rq->header_count; i++) {
        if (str_eq_nocase(rq->headers[i].name, name))
            return rq->headers[i].value;
    }
    return STR_NULL;
}

/* The URL with its default port when it has none, without it when it has; the null str when neither can be said. */
static struct str other_port(struct arena *a, struct str url)
{
    bool https = str_starts(url, STR("https://"));
    struct str port = https ? STR(":443") : STR(":80");
    size_t from = https ? 8 : 7;
    if (!https && !str_starts(url, STR("http://")))
        return STR_NULL;
    struct str rest = str_skip(url, from), host = str_take(rest, str_find(rest, '/'));
    struct str path = str_skip(rest, host.len);
    size_t bracket = str_find(host, ']'), colon = str_find(host, ':');
    if (str_ends(host, port))
        host.len -= port.len;
    else if (bracket < host.len ? bracket + 1 < host.len : colon < host.len)
        return STR_NULL; /* another port */
    else
        return arena_printf(a, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(str_take(url, from)), STR_ARG(host),
                            STR_ARG(port), STR_ARG(path));
    return arena_printf(a, STR_FMT STR_FMT STR_FMT, STR_ARG(str_take(url, from)), STR_ARG(host), STR_ARG(path));
}

/* NULL, or why a body that is no form is not covered by the signed URL. */
static const char *judge_hash(const struct profile *p, struct arena *a, const struct profile_request *rq)
{
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct buf hex = BUF_INIT(2 * sizeof hash);
    struct str query = str_skip(rq->url, str_find(rq->url, '?') + 1), want = form_find(a, query, p->rules.body_hash);
    if (rq->body.len == 0 && want.ptr == NULL)
        return NULL;
    crypto_sha256(rq->body, hash);
    crypto_hex(str_of((char *)hash, sizeof hash), &hex);
    bool good = want.len == hex.len && str_eq_nocase(want, buf_str(&hex));
    buf_fini(&hex);
    return good ? NULL : "the body is not the one that the URL has the hash of";
}

/* NULL, or what is wrong with a time that stands in the signed body. */
static const char *judge_body_time(const struct profile *p, struct arena *a, const struct profile_request *rq)
{
    struct json *body;
    const struct json *time = NULL;
    if (json_parse(a, rq->body, &body, NULL) == ERR_OK)
        time = json_get(body, p->rules.body_time);
    return time == NULL ? "the body has no timestamp" : judge_time(time->raw, 1, rq);
}

/* The last word: with what the row says besides its headers. */
static const char *judge(const struct profile *p, const struct str *secrets, size_t count,
                         const struct profile_request *rq, struct evidence *ev, struct arena *a)
{
    const char *why = "no secret is set", *trouble = NULL;
    struct str other = p->rules.any_port ? other_port(a, rq->url) : STR_NULL;
    struct buf form = BUF_INIT(2 * rq->body.len + 1);
    bool is_form = form_is_type(find_header(rq, STR("Content-Type")));
    if ((p->signed_string.fields & FIELD_BIT(FORM)) != 0) {
        if (is_form)
            form_sorted(a, rq->body, &form);
        else
            trouble = judge_hash(p, a, rq);
    }
    ev->values.of[FIELD_FORM] = buf_str(&form);
    bool good = trouble == NULL && any_secret_fits(p, secrets, count, ev, &why);
    if (!good && trouble == NULL && other.ptr != NULL) {
        ev->values.of[FIELD_URL] = other;
        good = any_secret_fits(p, secrets, count, ev, &why);
    }
    buf_fini(&form);
    if (good && p->rules.body_time.len > 0)
        trouble = judge_body_time(p, a, rq);
    return trouble != NULL ? trouble : good ? NULL : why;
}

/* A signature that stands in the URL. */
static void collect_query(const struct profile *p, struct arena *a, const struct profile_request *rq,
                          struct evidence *ev)
{
    struct str query = str_skip(rq->url, str_find(rq->url, '?') + 1);
    if (p->rules.signature_query.len > 0 && ev->candidate_count == 0)
        add_candidates(p, form_find(a, query, p->rules.signature_query), ev);
}

enum err profile_verify(const struct profile *p, const struct str *secrets, size_t count,
                        const struct profile_request *rq, const char **why)
{
    struct evidence ev = {.candidate_count = 0};
    struct arena *scratch = arena_new(SCRATCH);
    bool agree = collect(p, rq, &ev);
    collect_query(p, scratch, rq, &ev);
    const char *trouble = agree ? judge_evidence(p, rq, &ev) : "two headers contradict each other";
    if (trouble == NULL) {
        ev.values.of[FIELD_BODY] = rq->body;
        ev.values.of[FIELD_METHOD] = rq->method.ptr != NULL ? rq->method : STR("POST");
        ev.values.of[FIELD_URL] = rq->url;
        trouble = judge(p, secrets, count, rq, &ev, scratch);
    }
    arena_free(scratch);
    if (trouble == NULL)
        return ERR_OK;
    *why = trouble;
    return ERR_UNAUTHORIZED;
}
