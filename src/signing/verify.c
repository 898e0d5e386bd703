/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's side: the header templates are read backwards, the signed string is put together from what they gave,
 * and any of the signatures may fit any of the secrets.
 */
#include "base/mem.h"
#include "signing/row.h"

#define CANDIDATES_MAX   32
#define SECRET_BYTES_MAX 1024

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
    if ((t->fields & wanted) == 0 || !template_match(t, str_trim(value), &got))
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
        for (size_t h = 0; h < rq->header_count; h++) {
            if (str_eq_nocase(rq->headers[h].name, p->headers[i].name) &&
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

/* The bytes of a candidate in the format of this kind of key; false when it is of another kind. */
static bool decode_candidate(const struct profile *p, const struct key_form *form, struct str text, struct buf *out)
{
    struct values got = {0};
    buf_clear(out);
    if (!template_match(&form->format, text, &got))
        return false;
    struct str signature = got.of[FIELD_SIGNATURE];
    return (p->encoding == FORM_BASE64 ? crypto_unbase64(signature, out) : crypto_unhex(signature, out)) == ERR_OK;
}

static bool any_fits(const struct profile *p, const struct secret_key *k, const struct evidence *ev,
                     const struct str *parts, size_t count)
{
    unsigned char mac[CRYPTO_MAC_MAX], public[32];
    size_t mac_len = 0;
    bool fits = false, is_ed25519 = k->form->mac == CRYPTO_ED25519;
    struct buf got = BUF_INIT(CRYPTO_MAC_MAX);
    if (is_ed25519) {
        if (k->public)
            memcpy(public, k->key.ptr, sizeof public);
        else if (crypto_ed25519_public(k->key, public) != ERR_OK)
            return false;
    } else {
        struct crypto_signer *s = crypto_signer_new(k->form->mac, k->key);
        if (s == NULL)
            return false;
        mac_len = crypto_sign(s, parts, count, mac);
        crypto_signer_free(s);
    }
    for (size_t i = 0; i < ev->candidate_count && !fits; i++) {
        if (!decode_candidate(p, k->form, ev->candidates[i], &got))
            continue;
        fits = is_ed25519 ? crypto_ed25519_verify(str_of((char *)public, sizeof public), parts, count, buf_str(&got))
                          : crypto_equal(str_of((char *)mac, mac_len), buf_str(&got));
    }
    buf_fini(&got);
    return fits;
}

enum err profile_verify(const struct profile *p, const struct str *secrets, size_t count,
                        const struct profile_request *rq, const char **why)
{
    struct evidence ev = {.candidate_count = 0};
    struct str parts[SEGMENTS_MAX];
    const char *trouble = collect(p, rq, &ev) ? judge_evidence(p, rq, &ev) : "two headers contradict each other";
    if (trouble != NULL) {
        *why = trouble;
        return ERR_UNAUTHORIZED;
    }
    ev.values.of[FIELD_BODY] = rq->body;
    ev.values.of[FIELD_METHOD] = rq->method.ptr != NULL ? rq->method : STR("POST");
    ev.values.of[FIELD_URL] = rq->url;
    size_t part_count = list_parts(p, &ev.values, parts);
    *why = "no secret is set";
    for (size_t i = 0; i < count; i++) {
        struct buf key = BUF_INIT(SECRET_BYTES_MAX);
        struct secret_key k;
        bool usable = secret_decode(p, secrets[i], &key, &k, why) == ERR_OK;
        bool fits = usable && any_fits(p, &k, &ev, parts, part_count);
        mem_free_secret(key.ptr, key.cap);
        if (fits)
            return ERR_OK;
        if (usable)
            *why = "the signature does not fit";
    }
    return ERR_UNAUTHORIZED;
}
