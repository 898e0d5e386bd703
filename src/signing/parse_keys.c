/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of secrets in a profile's row: "secret" and the alternatives in "keys".
 */
#include <stdio.h>

#include "signing/parse.h"

#define PREFIX_MAX      32
#define FORMAT_MAX      256
#define ALGORITHM_TOKEN (-1)

static const struct choice algorithms[] = {{"hmac-sha256", CRYPTO_HMAC_SHA256}, {"hmac-sha1", CRYPTO_HMAC_SHA1},
                                           {"hmac-sha512", CRYPTO_HMAC_SHA512}, {"ed25519", CRYPTO_ED25519},
                                           {"ecdsa-p256-sha256", CRYPTO_ECDSA}, {"rsa-sha256", CRYPTO_RSA},
                                           {"token", ALGORITHM_TOKEN}};
#define ONLY_INCOMING 3 /* the last ones */
static const struct choice decodings[] = {{"raw", FORM_RAW}, {"base64", FORM_BASE64}, {"hex", FORM_HEX}};
static const struct choice encodings[] = {
        {"base64", FORM_BASE64}, {"hex", FORM_HEX}, {"alphanumeric", FORM_ALPHANUMERIC}};

static bool read_prefix(struct parser *ps, const struct json *obj, const char *at, const char *name, struct str *out)
{
    struct str text = STR("");
    if (!parser_text(ps, obj, at, name, PREFIX_MAX, &text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return parser_fail(ps, parser_path(ps, at, name), "must be visible ASCII without blanks");
    *out = text;
    return true;
}

/* How many bytes the key of a generated secret has. */
static size_t generated_bytes(const struct key_form *f)
{
    size_t n = f->generate_bytes;
    if (f->decoding != FORM_RAW)
        return n;
    size_t text = f->generate == FORM_HEX ? n * 2 : f->generate == FORM_BASE64 ? (n + 2) / 3 * 4 : n;
    return text + (f->prefix_in_key ? f->prefix.len : 0);
}

static bool read_generate(struct parser *ps, const struct json *obj, const char *at, struct key_form *f)
{
    bool ok = true;
    const char *path = parser_path(ps, at, "generate");
    const struct json *j = parser_member(ps, obj, at, "generate", JSON_OBJECT, &ok);
    int encoding = f->decoding == FORM_RAW ? FORM_ALPHANUMERIC : (int)f->decoding;
    int64_t bytes = f->decoding == FORM_RAW ? 48 : 32;
    if (!ok ||
        !parser_choice(ps, j, parser_path(ps, path, "."), "encoding", encodings, ARRAY_LEN(encodings), &encoding) ||
        !parser_number(ps, j, parser_path(ps, path, "."), "bytes", 16, PROFILE_KEY_MAX, &bytes))
        return false;
    f->generate = (enum text_form)encoding;
    f->generate_bytes = (size_t)bytes;
    if (f->decoding != FORM_RAW && f->generate != f->decoding)
        return parser_fail(ps, path, "a new secret must be in the encoding that keyDecoding reads");
    if (!key_form_is_pair(f) && (generated_bytes(f) < f->min_bytes || generated_bytes(f) > f->max_bytes))
        return parser_fail(ps, path, "a new secret would not have between minBytes and maxBytes");
    return true;
}

static bool check_pair(struct parser *ps, const char *at, const struct key_form *f)
{
    if (f->prefix.len == 0)
        return parser_fail(ps, parser_path(ps, at, "prefix"),
                           "Ed25519, ECDSA and RSA need one, to tell private keys from public ones");
    if (f->public_prefix.len > 0 && str_starts(f->public_prefix, f->prefix))
        return parser_fail(ps, parser_path(ps, at, "publicPrefix"), "must not begin with prefix");
    if (f->decoding == FORM_RAW)
        return parser_fail(ps, parser_path(ps, at, "keyDecoding"), "must be base64 or hex for Ed25519, ECDSA and RSA");
    return true;
}

static bool read_sizes(struct parser *ps, const struct json *obj, const char *at, struct key_form *f)
{
    int64_t min = PROFILE_KEY_MIN, max = PROFILE_KEY_MAX;
    if (!parser_number(ps, obj, at, "minBytes", PROFILE_KEY_MIN, PROFILE_KEY_MAX, &min) ||
        !parser_number(ps, obj, at, "maxBytes", min, PROFILE_KEY_MAX, &max))
        return false;
    f->min_bytes = (size_t)min;
    f->max_bytes = (size_t)max;
    return true;
}

static bool read_form(struct parser *ps, const struct json *obj, const char *at, struct key_form *f)
{
    int decoding = key_form_is_pair(f) ? FORM_BASE64 : FORM_RAW;
    if (!read_prefix(ps, obj, at, "prefix", &f->prefix) ||
        !read_prefix(ps, obj, at, "publicPrefix", &f->public_prefix) ||
        !parser_choice(ps, obj, at, "keyDecoding", decodings, ARRAY_LEN(decodings), &decoding) ||
        !parser_flag(ps, obj, at, "prefixInKey", &f->prefix_in_key))
        return false;
    f->decoding = (enum text_form)decoding;
    if (f->prefix_in_key && f->decoding != FORM_RAW)
        return parser_fail(ps, parser_path(ps, at, "prefixInKey"), "goes with keyDecoding raw only");
    if (key_form_is_pair(f) && !check_pair(ps, at, f))
        return false;
    return read_sizes(ps, obj, at, f) && read_generate(ps, obj, at, f);
}

/* The algorithm and the format, which stand in the row itself for the main form, in the alternative for the others. */
static bool read_signature(struct parser *ps, const struct json *obj, const char *at, struct key_form *f)
{
    int mac = CRYPTO_HMAC_SHA256;
    struct str format = STR("{signature}");
    const char *path = parser_path(ps, at, "signatureFormat");
    size_t choices = ARRAY_LEN(algorithms) - (ps->incoming ? 0 : ONLY_INCOMING);
    if (!parser_choice(ps, obj, at, "algorithm", algorithms, choices, &mac) ||
        !parser_text(ps, obj, at, "signatureFormat", FORMAT_MAX, &format))
        return false;
    f->token = mac == ALGORITHM_TOKEN;
    f->mac = f->token ? CRYPTO_HMAC_SHA256 : (enum crypto_mac)mac;
    if (ps->p->encoding == FORM_RAW && !f->token)
        return parser_fail(ps, "encoding", "raw is for tokens only");
    if (!parser_is_line(format))
        return parser_fail(ps, path, "must not hold control characters");
    if (!parser_template(ps, path, format, FORMAT_MAX, FIELDS_SIGNATURE, &f->format))
        return false;
    return template_occurs(&f->format, FIELD_SIGNATURE) == 1 || parser_fail(ps, path, "must hold {signature} once");
}

/* Which form new secrets have. */
static bool read_new_secret(struct parser *ps, const struct json *row)
{
    struct profile *p = ps->p;
    struct str prefix = STR_NULL;
    if (!parser_text(ps, row, "", "newSecret", PREFIX_MAX, &prefix))
        return false;
    if (prefix.ptr == NULL)
        return true;
    for (p->new_key = 0; p->new_key < p->key_count; p->new_key++) {
        if (str_eq(p->keys[p->new_key].prefix, prefix))
            return true;
    }
    return parser_fail(ps, "newSecret", "is not the prefix of secret or of one of keys");
}

bool parser_keys(struct parser *ps, const struct json *row)
{
    struct profile *p = ps->p;
    char at[32];
    bool ok = true;
    p->key_count = 1;
    const struct json *secret = parser_member(ps, row, "", "secret", JSON_OBJECT, &ok);
    if (!ok || !read_signature(ps, row, "", &p->keys[0]) || !read_form(ps, secret, "secret.", &p->keys[0]))
        return false;
    const struct json *keys = parser_member(ps, row, "", "keys", JSON_ARRAY, &ok);
    if (!ok)
        return false;
    for (const struct json *j = keys != NULL ? keys->child : NULL; j != NULL; j = j->next) {
        if (p->key_count == PROFILE_KEYS_MAX)
            return parser_fail(ps, "keys", "has too many items");
        struct key_form *f = &p->keys[p->key_count];
        snprintf(at, sizeof at, "keys.%zu.", p->key_count - 1);
        if (j->type != JSON_OBJECT)
            return parser_fail(ps, at, "must be an object");
        if (!read_signature(ps, j, at, f) || !read_form(ps, j, at, f))
            return false;
        if (f->prefix.len == 0)
            return parser_fail(ps, parser_path(ps, at, "prefix"), "an alternative is chosen by it");
        p->key_count++;
    }
    return read_new_secret(ps, row);
}
