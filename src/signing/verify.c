/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's side: the header templates are read backwards, the signed string is put together from what they gave,
 * and any of the signatures may fit any of the secrets.
 */
#include "base/mem.h"
#include "signing/form.h"
#include "signing/received.h"

#define CANDIDATES_MAX   32
#define SECRET_BYTES_MAX 4096
#define SCRATCH          1024

/* What the headers gave. */
struct evidence {
    struct values values;
    struct str candidates[CANDIDATES_MAX]; /* as in the header, still in their format */
    size_t candidate_count;
    size_t pair_max; /* so many are verified with one public key */
    size_t which;    /* the secret that fits */
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
        why = received_judge_time(ev->values.of[FIELD_TIMESTAMP], 1000, rq);
    if (why == NULL && (fields & FIELD_BIT(TIMESTAMP_MS)) != 0)
        why = received_judge_time(ev->values.of[FIELD_TIMESTAMP_MS], 1, rq);
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
    if (key_form_is_der(f))
        return crypto_der_verify(f->mac, x->public, x->parts, x->count, signature);
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
    if (key_form_is_der(k->form))
        return crypto_der_public(k->form->mac, k->key, out) == ERR_OK;
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
    size_t left = key_form_is_pair(k->form) ? ev->pair_max : CANDIDATES_MAX;
    for (size_t i = 0; usable && i < ev->candidate_count && left > 0 && !found; i++) {
        if (!decode_candidate(p, k->form, ev->candidates[i], &got))
            continue;
        found = fits(&x, buf_str(&got));
        left--;
    }
    buf_fini(&public);
    buf_fini(&got);
    return found;
}

/* Whether any secret fits the parts; *why says what the last one that could be used lacks. */
static bool any_secret_fits(const struct profile *p, const struct str *secrets, size_t count, struct evidence *ev,
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
        ev->which = i;
        if (good)
            return true;
        if (usable)
            *why = "the signature does not fit";
    }
    return false;
}

/* The last word: with what the row says besides its headers. */
static const char *judge(const struct profile *p, const struct str *secrets, size_t count,
                         const struct profile_request *rq, struct evidence *ev, struct arena *a)
{
    const char *why = "no secret is set";
    struct received got;
    const char *trouble = received_read(p, rq, a, &got);
    bool good = false;
    if (trouble != NULL)
        return trouble;
    ev->values.of[FIELD_FORM] = got.form;
    ev->values.of[FIELD_BODY_TIME] = got.body_time;
    size_t urls = profile_signs_url(p) ? got.url_count : 1;
    for (size_t i = 0; i < urls && !good; i++) {
        ev->values.of[FIELD_URL] = got.urls[i];
        good = any_secret_fits(p, secrets, count, ev, &why);
    }
    return good ? received_judge_body_time(p, rq, a) : why;
}

/* A signature that stands in the URL. */
static void collect_query(const struct profile *p, struct arena *a, const struct profile_request *rq,
                          struct evidence *ev)
{
    struct str query = str_skip(rq->url, str_find(rq->url, '?') + 1);
    if (p->rules.signature_query.len > 0 && ev->candidate_count == 0)
        add_candidates(p, form_find(a, query, p->rules.signature_query), ev);
}

/* One number of whatever length, in which two requests that are signed alike are the same. */
static void take_digest(const struct profile *p, const struct evidence *ev, unsigned char digest[CRYPTO_SHA256_LEN])
{
    unsigned char mac[CRYPTO_MAC_MAX];
    struct str parts[SEGMENTS_MAX];
    size_t count = list_parts(p, &ev->values, parts);
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, STR("what is signed"));
    CHECK(s != NULL && crypto_sign(s, parts, count, mac) == CRYPTO_SHA256_LEN);
    memcpy(digest, mac, CRYPTO_SHA256_LEN);
    crypto_signer_free(s);
}

enum err profile_verify_which(const struct profile *p, const struct str *secrets, size_t count,
                              const struct profile_request *rq, size_t *which, unsigned char *digest, const char **why)
{
    size_t pairs = count > 0 ? PROFILE_PAIRS_MAX / count : 0;
    struct evidence ev = {.pair_max = pairs > 0 ? pairs : 1};
    struct arena *scratch = arena_new(SCRATCH);
    bool agree = collect(p, rq, &ev);
    collect_query(p, scratch, rq, &ev);
    const char *trouble = agree ? judge_evidence(p, rq, &ev) : "two headers contradict each other";
    if (trouble == NULL) {
        ev.values.of[FIELD_BODY] = rq->body;
        ev.values.of[FIELD_METHOD] = rq->method.ptr != NULL ? rq->method : STR("POST");
        trouble = judge(p, secrets, count, rq, &ev, scratch);
    }
    if (trouble == NULL && digest != NULL)
        take_digest(p, &ev, digest);
    arena_free(scratch);
    if (trouble == NULL) {
        *which = ev.which;
        return ERR_OK;
    }
    *why = trouble;
    return ERR_UNAUTHORIZED;
}

enum err profile_verify(const struct profile *p, const struct str *secrets, size_t count,
                        const struct profile_request *rq, const char **why)
{
    size_t which;
    return profile_verify_which(p, secrets, count, rq, &which, NULL, why);
}

enum err profile_verify_digest(const struct profile *p, const struct str *secrets, size_t count,
                               const struct profile_request *rq, unsigned char digest[CRYPTO_SHA256_LEN],
                               const char **why)
{
    size_t which;
    return profile_verify_which(p, secrets, count, rq, &which, digest, why);
}
