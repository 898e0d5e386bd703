/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt's headers. The signed string is never put together: its parts go to the signer as they lie in memory.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "signing/row.h"

#define SIGNATURES_MAX   8
#define SIGNATURE_TEXT   8192
#define NUMBER_TEXT      20
#define SECRET_BYTES_MAX 4096
#define BODY_PARTS       3

struct profile_signers {
    size_t count;
    struct {
        struct crypto_signer *signer; /* NULL: the token is the signature */
        struct buf token;
        const struct key_form *form;
    } items[SIGNATURES_MAX];
    struct buf text; /* the signature header's value, made anew for each attempt */
};

/* False when the profile cannot use the secret. */
static bool add_signer(struct profile_signers *s, const struct profile *p, struct str secret)
{
    struct buf key = BUF_INIT(SECRET_BYTES_MAX);
    struct secret_key k;
    const char *why;
    struct crypto_signer *signer = NULL;
    bool good = secret_decode(p, secret, &key, &k, &why) == ERR_OK && !k.public;
    if (good && k.form->token) {
        s->items[s->count].token = BUF_INIT(SECRET_BYTES_MAX);
        buf_add_str(&s->items[s->count].token, k.key);
    } else if (good) {
        signer = crypto_signer_new(k.form->mac, k.key);
        good = signer != NULL;
    }
    mem_free_secret(key.ptr, key.cap);
    if (!good)
        return false;
    s->items[s->count].signer = signer;
    s->items[s->count].form = k.form;
    s->count++;
    return true;
}

struct profile_signers *profile_signers_new(const struct profile *p, const struct str *secrets, size_t count)
{
    struct profile_signers *s = mem_zalloc(1, sizeof *s);
    s->text = BUF_INIT(SIGNATURE_TEXT);
    if (profile_overlaps(p)) {
        for (size_t i = 0; i < count && s->count < SIGNATURES_MAX; i++)
            add_signer(s, p, secrets[i]);
    } else {
        for (size_t i = count; i > 0 && s->count == 0; i--)
            add_signer(s, p, secrets[i - 1]);
    }
    if (s->count > 0)
        return s;
    profile_signers_free(s);
    return NULL;
}

void profile_signers_free(struct profile_signers *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++) {
        crypto_signer_free(s->items[i].signer);
        mem_free_secret(s->items[i].token.ptr, s->items[i].token.cap);
    }
    buf_fini(&s->text);
    free(s);
}

/* Decimal text of v in `room`. */
static struct str number_text(int64_t v, char room[NUMBER_TEXT])
{
    size_t at = NUMBER_TEXT;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        room[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    if (v < 0)
        room[--at] = '-';
    return str_of(room + at, NUMBER_TEXT - at);
}

static size_t list_parts(const struct profile *p, const struct values *v, const struct profile_attempt *at,
                         struct str parts[SEGMENTS_MAX + BODY_PARTS])
{
    size_t count = 0;
    for (size_t i = 0; i < p->signed_string.count; i++) {
        const struct segment *s = &p->signed_string.segments[i];
        if (s->field == FIELD_BODY) {
            for (size_t b = 0; b < BODY_PARTS; b++)
                parts[count++] = at->body[b];
        } else {
            parts[count++] = s->field == FIELD_TEXT ? s->text : v->of[s->field];
        }
    }
    return count;
}

static void add_signature(const struct profile *p, const struct key_form *form, struct str mac, struct buf *out)
{
    for (size_t i = 0; i < form->format.count; i++) {
        if (form->format.segments[i].field == FIELD_TEXT)
            buf_add_str(out, form->format.segments[i].text);
        else if (p->encoding == FORM_RAW)
            buf_add_str(out, mac);
        else if (p->encoding == FORM_BASE64)
            crypto_base64(mac, out);
        else
            crypto_hex(mac, out);
    }
}

static struct str sign(const struct profile *p, struct profile_signers *s, const struct values *v,
                       const struct profile_attempt *at)
{
    struct str parts[SEGMENTS_MAX + BODY_PARTS];
    unsigned char mac[CRYPTO_MAC_MAX];
    size_t count = list_parts(p, v, at, parts);
    buf_clear(&s->text);
    for (size_t i = 0; i < s->count; i++) {
        struct str signature = buf_str(&s->items[i].token);
        if (s->items[i].signer != NULL)
            signature = str_of((const char *)mac, crypto_sign(s->items[i].signer, parts, count, mac));
        if (i > 0)
            buf_add_str(&s->text, p->separator);
        add_signature(p, s->items[i].form, signature, &s->text);
    }
    CHECK(!s->text.overflow);
    return buf_str(&s->text);
}

/* Whoever chose these bytes must not begin a header of their own. */
static void mask_controls(char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)ptr[i] < 0x20 || ptr[i] == 0x7f)
            ptr[i] = '?';
    }
}

size_t profile_headers(const struct profile *p, struct profile_signers *s, const struct profile_attempt *at,
                       struct buf *out)
{
    char seconds[NUMBER_TEXT], millis[NUMBER_TEXT], number[NUMBER_TEXT];
    struct values v = {.of = {
                               [FIELD_MESSAGE_ID] = at->message_id,
                               [FIELD_EVENT_UUID] = at->event_uuid,
                               [FIELD_TYPE] = at->type,
                               [FIELD_METHOD] = at->method.ptr != NULL ? at->method : STR("POST"),
                               [FIELD_URL] = at->url,
                               [FIELD_FORM] = at->form,
                               [FIELD_BODY_TIME] = at->body_time,
                               [FIELD_TIMESTAMP] = number_text(at->now_ms / 1000, seconds),
                               [FIELD_TIMESTAMP_MS] = number_text(at->now_ms, millis),
                               [FIELD_ATTEMPT] = number_text(at->number, number),
                       }};
    v.of[FIELD_SIGNATURE] = sign(p, s, &v, at);
    for (size_t i = 0; i < p->header_count; i++) {
        buf_add_str(out, p->headers[i].name);
        buf_add(out, ": ", 2);
        size_t start = out->len;
        template_fill(&p->headers[i].value, &v, out);
        if (!out->overflow)
            mask_controls(out->ptr + start, out->len - start);
        buf_add_c(out, '\0');
    }
    return p->header_count;
}
