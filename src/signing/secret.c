/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: which form a text has, the key in it, new ones. The one place in signing/ that draws randomness, on request
 * of the API only.
 */
#include <stdio.h>

#include "base/mem.h"
#include "signing/row.h"

#define SECRET_TEXT_MAX 4096
#define SEED_LEN        32
#define PAIR_LEN        64

/* Whether the text has this form; then *rest is what stands behind its prefix. */
static bool match_form(const struct key_form *f, bool main_form, struct str text, struct str *rest, bool *public)
{
    bool prefixed = f->prefix.len > 0 && str_starts(text, f->prefix);
    *public = false;
    *rest = prefixed ? str_skip(text, f->prefix.len) : text;
    if (prefixed)
        return true;
    if (!key_form_is_pair(f))
        return main_form;
    /* Never take a bare text for a private key: a public one, used as a seed, would let everybody sign. */
    *public = str_starts(text, f->public_prefix) && (main_form || f->public_prefix.len > 0);
    *rest = str_skip(text, f->public_prefix.len);
    return *public;
}

static const struct key_form *find_form(const struct profile *p, struct str text, struct str *rest, bool *public)
{
    for (size_t i = 1; i < p->key_count; i++) {
        if (match_form(&p->keys[i], false, text, rest, public))
            return &p->keys[i];
    }
    return match_form(&p->keys[0], true, text, rest, public) ? &p->keys[0] : NULL;
}

static bool has_length(const struct secret_key *k)
{
    if (k->form->mac != CRYPTO_ED25519 || k->form->token)
        return k->key.len > 0;
    return k->key.len == SEED_LEN || (k->key.len == PAIR_LEN && !k->public);
}

/* What stands between the lines of a PEM text, in one piece; the text itself when it is none. */
static struct str flatten(struct str text, struct buf *flat)
{
    struct str line;
    if (!str_starts(str_trim(text), STR("-----BEGIN ")))
        return text;
    text = str_trim(text);
    str_split(&text, '\n');
    while (text.len > 0 && !str_starts(line = str_trim(str_split(&text, '\n')), STR("-----END ")))
        buf_add_str(flat, line);
    return buf_str(flat);
}

/* A key in base64, which of a pair in DER may be PEM. */
static enum err unbase64(const struct key_form *f, struct str text, struct buf *into)
{
    struct buf flat = BUF_INIT(SECRET_TEXT_MAX);
    enum err e = crypto_unbase64(key_form_is_der(f) ? flatten(text, &flat) : text, into);
    mem_free_secret(flat.ptr, flat.cap);
    return e;
}

enum err secret_decode(const struct profile *p, struct str text, struct buf *into, struct secret_key *out,
                       const char **why)
{
    struct secret_key k = {.form = NULL};
    struct str rest;
    enum err e = ERR_OK;
    k.form = text.len <= SECRET_TEXT_MAX ? find_form(p, text, &rest, &k.public) : NULL;
    if (k.form == NULL || buf_reserve(into, text.len) == NULL) {
        *why = text.len > SECRET_TEXT_MAX ? "the secret is too long" : "the secret does not have the profile's prefix";
        return ERR_INVALID;
    }
    switch (k.form->decoding) {
    case FORM_RAW:
    case FORM_ALPHANUMERIC:
        buf_add_str(into, k.form->prefix_in_key ? text : rest);
        break;
    case FORM_BASE64:
        e = unbase64(k.form, rest, into);
        *why = "the secret is not base64";
        break;
    case FORM_HEX:
        e = crypto_unhex(rest, into);
        *why = "the secret is not hexadecimal";
        break;
    }
    k.key = buf_str(into);
    if (e == ERR_OK && !has_length(&k)) {
        *why = k.form->mac == CRYPTO_ED25519 ? "an Ed25519 key has 32 or 64 bytes" : "the secret is empty";
        e = ERR_INVALID;
    }
    if (e == ERR_OK)
        *out = k;
    return e;
}

static bool is_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

/* NULL if the decoded secret may be set, else what is wrong. */
static const char *judge_key(struct str text, const struct secret_key *k)
{
    static _Thread_local char lengths[96];
    const struct key_form *f = k->form;
    unsigned char public[SEED_LEN];
    if (k->public)
        return "this is a public key; deliveries are signed with the private one";
    if (!is_visible(text))
        return "a secret is visible ASCII, without blanks";
    if (key_form_is_pair(f))
        return crypto_ed25519_public(k->key, public) == ERR_OK ? NULL : "the halves of the key do not belong together";
    if (f->decoding == FORM_BASE64 && (text.len - (str_starts(text, f->prefix) ? f->prefix.len : 0)) % 4 != 0)
        return "the base64 text lacks its padding";
    if (k->key.len >= f->min_bytes && k->key.len <= f->max_bytes)
        return NULL;
    snprintf(lengths, sizeof lengths, "the key has %zu bytes, between %zu and %zu are allowed", k->key.len,
             f->min_bytes, f->max_bytes);
    return lengths;
}

enum err profile_check_secret(const struct profile *p, struct str secret, const char **why)
{
    struct buf key = BUF_INIT(SECRET_TEXT_MAX);
    struct secret_key k;
    enum err e = secret_decode(p, secret, &key, &k, why);
    const char *trouble = e == ERR_OK ? judge_key(secret, &k) : NULL;
    if (trouble != NULL) {
        *why = trouble;
        e = ERR_INVALID;
    }
    mem_free_secret(key.ptr, key.cap);
    return e;
}

enum err profile_check_incoming(const struct profile *p, struct str secret, const char **why)
{
    struct buf key = BUF_INIT(SECRET_TEXT_MAX);
    struct secret_key k;
    enum err e = secret_decode(p, secret, &key, &k, why);
    if (e == ERR_OK && key_form_is_der(k.form) && k.public && !crypto_der_is_public(k.form->mac, k.key)) {
        *why = k.form->mac == CRYPTO_RSA ? "the secret is no public RSA key of 2048 to 4096 bits"
                                         : "the secret is no public key of the curve P-256";
        e = ERR_INVALID;
    }
    mem_free_secret(key.ptr, key.cap);
    return e;
}

static void encode(struct str in, enum text_form form, struct buf *out)
{
    if (form == FORM_BASE64)
        crypto_base64(in, out);
    else
        crypto_hex(in, out);
}

static void generate(const struct key_form *f, struct buf *out)
{
    unsigned char random[PROFILE_KEY_MAX];
    size_t len = f->generate_bytes;
    buf_add_str(out, f->prefix);
    if (!key_form_is_pair(f) && f->generate == FORM_ALPHANUMERIC) {
        crypto_random_base62(len, out);
        return;
    }
    if (key_form_is_pair(f)) {
        CHECK(f->mac == CRYPTO_ED25519);
        len = PAIR_LEN;
        crypto_random(random, SEED_LEN);
        CHECK(crypto_ed25519_public(str_of((char *)random, SEED_LEN), random + SEED_LEN) == ERR_OK);
    } else {
        crypto_random(random, len);
    }
    encode(str_of((char *)random, len), f->generate, out);
    explicit_bzero(random, sizeof random);
}

void profile_generate_secret(const struct profile *p, struct buf *out)
{
    generate(&p->keys[p->new_key], out);
}

enum err profile_generate_secret_as(const struct profile *p, struct str prefix, struct buf *out)
{
    for (size_t i = 0; i < p->key_count; i++) {
        if (str_eq(p->keys[i].prefix, prefix)) {
            generate(&p->keys[i], out);
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err profile_public_secret(const struct profile *p, struct str secret, struct buf *out)
{
    struct buf key = BUF_INIT(SECRET_TEXT_MAX);
    struct secret_key k;
    const char *why;
    unsigned char public[SEED_LEN];
    enum err e = secret_decode(p, secret, &key, &k, &why);
    if (e == ERR_OK && (!key_form_is_pair(k.form) || k.public)) {
        buf_add_str(out, secret);
    } else if (e == ERR_OK && (e = crypto_ed25519_public(k.key, public)) == ERR_OK) {
        buf_add_str(out, k.form->public_prefix);
        encode(str_of((char *)public, sizeof public), k.form->decoding, out);
    }
    mem_free_secret(key.ptr, key.cap);
    return e;
}
