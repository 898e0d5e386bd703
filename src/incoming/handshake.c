/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/handshake.h"

#include "signing/form.h"
#include "json/write.h"

#define CHALLENGE_MAX 1024

static bool answer(struct handshake_answer *out, int status, struct str type, struct str body)
{
    *out = (struct handshake_answer){.status = status, .type = type, .body = body};
    return true;
}

/* {"a":"x"} or {"a":"x","b":"y"} */
static struct str object_of(struct arena *a, const char *name, struct str value, const char *other, struct str second)
{
    struct buf text = BUF_INIT(16 * CHALLENGE_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    json_w_str_at(&w, name, value);
    if (other != NULL)
        json_w_str_at(&w, other, second);
    json_w_object_end(&w);
    struct str kept = arena_str(a, buf_str(&text));
    buf_fini(&text);
    return kept;
}

static bool is_challenge(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    }
    return s.len > 0 && s.len <= CHALLENGE_MAX;
}

static bool greet_meta(struct arena *a, const struct incoming *in, struct str verify_token,
                       struct handshake_answer *out)
{
    struct str token = form_find(a, in->query, STR("hub.verify_token"));
    struct str challenge = form_find(a, in->query, STR("hub.challenge"));
    if (!str_eq(form_find(a, in->query, STR("hub.mode")), STR("subscribe")))
        return false;
    if (verify_token.len > 0 && crypto_equal(token, verify_token) && is_challenge(challenge))
        return answer(out, 200, STR("text/plain"), challenge);
    return false;
}

static bool greet_woocommerce(const struct incoming *in, struct handshake_answer *out)
{
    uint64_t id;
    bool ping = str_starts(in->body, STR("webhook_id=")) && str_to_u64(str_skip(in->body, 11), &id) == ERR_OK;
    return ping && answer(out, 200, STR_NULL, STR_NULL);
}

bool handshake_open(struct arena *a, enum handshake kind, const struct incoming *in, struct str verify_token,
                    struct handshake_answer *out)
{
    bool get = str_eq(in->method, STR("GET"));
    struct str okta = incoming_header(in, STR("X-Okta-Verification-Challenge"));
    switch (kind) {
    case HANDSHAKE_META:
        return get && greet_meta(a, in, verify_token, out);
    case HANDSHAKE_OKTA:
        return get && is_challenge(okta) &&
               answer(out, 200, STR("application/json"), object_of(a, "verification", okta, NULL, STR_NULL));
    case HANDSHAKE_WOOCOMMERCE:
        return !get && greet_woocommerce(in, out);
    case HANDSHAKE_NONE:
    case HANDSHAKE_SLACK:
    case HANDSHAKE_ZOOM:
    case HANDSHAKE_XERO:
    case HANDSHAKE_DISCORD:
    case HANDSHAKE_ADOBESIGN:
        break;
    }
    return false;
}

static struct str text_at(const struct json *j, const char *name)
{
    struct str s = STR_NULL;
    return json_as_str(json_get(j, str_c(name)), &s) ? s : STR_NULL;
}

static bool greet_zoom(struct arena *a, const struct json *body, struct str secret, struct handshake_answer *out)
{
    unsigned char mac[CRYPTO_MAC_MAX];
    struct buf hex = BUF_INIT(2 * sizeof mac);
    struct str token = text_at(json_get(body, STR("payload")), "plainToken");
    struct crypto_signer *s = crypto_signer_new(CRYPTO_HMAC_SHA256, secret);
    bool good = s != NULL && is_challenge(token) && str_find(token, ':') == token.len;
    if (good) {
        size_t len = crypto_sign(s, &token, 1, mac);
        crypto_hex(str_of((char *)mac, len), &hex);
        answer(out, 200, STR("application/json"), object_of(a, "plainToken", token, "encryptedToken", buf_str(&hex)));
    }
    crypto_signer_free(s);
    buf_fini(&hex);
    return good;
}

bool handshake_signed(struct arena *a, enum handshake kind, const struct json *body, struct str secret,
                      struct handshake_answer *out)
{
    const struct json *events = json_get(body, STR("events"));
    struct str challenge = text_at(body, "challenge");
    int64_t type = -1;
    switch (kind) {
    case HANDSHAKE_SLACK:
        return str_eq(text_at(body, "type"), STR("url_verification")) && is_challenge(challenge) &&
               answer(out, 200, STR("text/plain"), challenge);
    case HANDSHAKE_ZOOM:
        return str_eq(text_at(body, "event"), STR("endpoint.url_validation")) && greet_zoom(a, body, secret, out);
    case HANDSHAKE_XERO:
        return events != NULL && events->type == JSON_ARRAY && events->count == 0 &&
               answer(out, 200, STR_NULL, STR_NULL);
    case HANDSHAKE_DISCORD:
        if (!json_as_i64(json_get(body, STR("type")), &type))
            return false;
        if (type == 0)
            return answer(out, 204, STR_NULL, STR_NULL);
        return type == 1 && json_get(body, STR("event")) == NULL &&
               answer(out, 200, STR("application/json"), STR("{\"type\":1}"));
    case HANDSHAKE_ADOBESIGN:
        return json_is_null(body) &&
               answer(out, 200, STR("application/json"), object_of(a, "xAdobeSignClientId", secret, NULL, STR_NULL));
    case HANDSHAKE_NONE:
    case HANDSHAKE_META:
    case HANDSHAKE_OKTA:
    case HANDSHAKE_WOOCOMMERCE:
        break;
    }
    return false;
}
