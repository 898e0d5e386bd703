/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/received.h"

#include "base/time.h"
#include "signing/form.h"
#include "json/tree.h"

static struct str find_header(const struct profile_request *rq, struct str name)
{
    for (size_t i = 0; i < rq->header_count; i++) {
        if (str_eq_nocase(rq->headers[i].name, name))
            return rq->headers[i].value;
    }
    return STR_NULL;
}

/* ---- the URL ----------------------------------------------------------------------------------------------------- */

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

/* The character that is percent-encoded at s[i], if it is one of these; -1. */
static int escaped(struct str s, size_t i, struct str which)
{
    if (s.ptr[i] != '%' || i + 2 >= s.len)
        return -1;
    int high = str_hex_digit(s.ptr[i + 1]), low = str_hex_digit(s.ptr[i + 2]);
    if (high < 0 || low < 0 || str_find(which, (char)(high * 16 + low)) == which.len)
        return -1;
    return high * 16 + low;
}

struct str profile_signed_url(const struct profile *p, struct arena *a, struct str url)
{
    struct str which = p->rules.decoded_in_url;
    size_t n = 0;
    if (which.len == 0 || str_find(url, '%') == url.len)
        return url;
    char *out = arena_alloc(a, url.len);
    for (size_t i = 0; i < url.len; i++) {
        int c = escaped(url, i, which);
        out[n++] = c >= 0 ? (char)c : url.ptr[i];
        i += c >= 0 ? 2 : 0;
    }
    return str_of(out, n);
}

static void list_urls(const struct profile *p, const struct profile_request *rq, struct arena *a, struct received *out)
{
    struct str first = profile_signed_url(p, a, rq->url);
    struct str other = p->rules.any_port ? other_port(a, first) : STR_NULL;
    out->urls[0] = first;
    out->url_count = 1;
    if (!str_eq(first, rq->url)) /* their own libraries sign it as it is */
        out->urls[out->url_count++] = rq->url;
    if (other.ptr != NULL)
        out->urls[out->url_count++] = other;
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */

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

struct str profile_body_time(const struct profile *p, struct arena *a, struct str body)
{
    struct json *tree;
    struct str text = STR_NULL;
    const struct json *time = p->rules.body_time.len > 0 && json_parse(a, body, &tree, NULL) == ERR_OK
                                      ? json_get(tree, p->rules.body_time)
                                      : NULL;
    return time == NULL || json_as_str(time, &text) ? text : time->raw;
}

const char *received_read(const struct profile *p, const struct profile_request *rq, struct arena *a,
                          struct received *out)
{
    unsigned fields = p->signed_string.fields;
    *out = (struct received){.form = STR("")};
    list_urls(p, rq, a, out);
    if ((fields & FIELD_BIT(FORM)) != 0 && form_is_type(find_header(rq, STR("Content-Type")))) {
        struct buf form = BUF_INIT(2 * rq->body.len + 1);
        form_sorted(a, rq->body, &form);
        out->form = arena_str(a, buf_str(&form));
        buf_fini(&form);
    } else if ((fields & FIELD_BIT(FORM)) != 0) {
        const char *trouble = judge_hash(p, a, rq);
        if (trouble != NULL)
            return trouble;
    }
    if ((fields & FIELD_BIT(BODY_TIME)) != 0) {
        out->body_time = profile_body_time(p, a, rq->body);
        return out->body_time.ptr != NULL ? NULL : "the body has no timestamp";
    }
    return NULL;
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

static const char *judge_ms(int64_t ms, const struct profile_request *rq)
{
    int64_t age_ms = rq->now_ms - ms;
    if (rq->tolerance_s > 0 && age_ms > rq->tolerance_s * 1000)
        return "the timestamp is too old";
    if (rq->tolerance_s > 0 && -age_ms > rq->tolerance_s * 1000)
        return "the timestamp lies in the future";
    return NULL;
}

const char *received_judge_time(struct str text, int64_t unit_ms, const struct profile_request *rq)
{
    int64_t v;
    if (str_to_i64(text, &v) != ERR_OK || v < 0 || v > INT64_MAX / unit_ms)
        return "the timestamp is not a number";
    return judge_ms(v * unit_ms, rq);
}

const char *received_judge_body_time(const struct profile *p, const struct profile_request *rq, struct arena *a)
{
    int64_t ms;
    if (p->rules.body_time.len == 0)
        return NULL;
    struct str text = profile_body_time(p, a, rq->body);
    if (text.ptr == NULL)
        return "the body has no timestamp";
    return time_parse(text, &ms) == ERR_OK ? judge_ms(ms, rq) : received_judge_time(text, 1, rq);
}
