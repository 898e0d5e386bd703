/* SPDX-License-Identifier: Apache-2.0 */
/* Letters as documents. */
#include "api/mail.h"

#include "base/mem.h"
#include "crypto/seal.h"

#define STORED_MAX (8 * MAIL_BODY_MAX)

struct stored {
    struct str to, subject, text, html, message_id, error;
    bool secret;
    int attempts;
};

#define TEXT(text, member)                                                                                             \
    {                                                                                                                  \
        .name = text, .kind = FIELD_TEXT, .at = offsetof(struct stored, member)                                        \
    }
static const struct field fields[] = {
        TEXT("to", to),
        TEXT("subject", subject),
        TEXT("text", text),
        TEXT("html", html),
        TEXT("messageId", message_id),
        TEXT("error", error),
        {.name = "secret", .kind = FIELD_BOOL, .at = offsetof(struct stored, secret)},
        {.name = "attempts", .kind = FIELD_INT, .at = offsetof(struct stored, attempts)},
};
static const struct field sealed_fields[] = {
        TEXT("text", text),
        TEXT("html", html),
};

static struct str write_json(struct arena *a, const struct field *table, size_t count, const struct stored *s)
{
    struct buf out = BUF_INIT(STORED_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    fields_write_stored(table, count, s, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str text = arena_str(a, buf_str(&out));
    mem_free_secret(out.ptr, out.len);
    return text;
}

static struct str identity(struct arena *a, oid_t id)
{
    return arena_printf(a, "mail %lld", (long long)id);
}

void mail_encode(struct arena *a, const struct keyring *keys, const struct mail_doc *m, int64_t now_ms, struct doc *out)
{
    struct stored s = {.to = m->to,
                       .subject = m->subject,
                       .message_id = m->message_id,
                       .error = m->error,
                       .secret = m->secret,
                       .attempts = (int)m->attempts};
    *out = (struct doc){.id = m->id,
                        .kind = DOC_MAIL,
                        .app = m->app,
                        .ref = m->about,
                        .key = m->key,
                        .status = (int)m->status,
                        .due_ms = m->due_ms,
                        .purge_ms = m->purge_ms,
                        .created_ms = m->created_ms,
                        .updated_ms = now_ms,
                        .version = m->version};
    if (m->secret && m->text.ptr != NULL) {
        struct buf sealed = BUF_INIT(STORED_MAX);
        struct stored inside = {.text = m->text, .html = m->html};
        struct str plain = write_json(a, sealed_fields, ARRAY_LEN(sealed_fields), &inside);
        keyring_seal(keys, plain, identity(a, m->id), &sealed);
        out->data = arena_str(a, buf_str(&sealed));
        buf_fini(&sealed);
    } else {
        s.text = m->text;
        s.html = m->html;
    }
    out->body = write_json(a, fields, ARRAY_LEN(fields), &s);
}

static void open_sealed(struct arena *a, const struct keyring *keys, const struct doc *d, struct stored *s)
{
    struct buf plain = BUF_INIT(STORED_MAX);
    struct json *body;
    if (keyring_open(keys, d->data, identity(a, d->id), &plain) == ERR_OK &&
        json_parse(a, arena_str(a, buf_str(&plain)), &body, NULL) == ERR_OK)
        fields_read(a, sealed_fields, ARRAY_LEN(sealed_fields), FIELD_LOAD, body, s, NULL);
    mem_free_secret(plain.ptr, plain.len);
}

enum err mail_decode(struct arena *a, const struct keyring *keys, const struct doc *d, struct mail_doc *out)
{
    struct json *body;
    struct stored s = {0};
    if (json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    fields_read(a, fields, ARRAY_LEN(fields), FIELD_LOAD, body, &s, NULL);
    if (d->data.len > 0)
        open_sealed(a, keys, d, &s);
    *out = (struct mail_doc){.id = d->id,
                             .app = d->app,
                             .about = d->ref,
                             .key = d->key,
                             .status = (enum mail_status)d->status,
                             .to = s.to,
                             .subject = s.subject,
                             .text = s.text,
                             .html = s.html,
                             .message_id = s.message_id,
                             .secret = s.secret,
                             .attempts = s.attempts,
                             .error = s.error,
                             .due_ms = d->due_ms,
                             .purge_ms = d->purge_ms,
                             .created_ms = d->created_ms,
                             .version = d->version};
    return ERR_OK;
}

const char *mail_problem(struct arena *a, const struct mail *m)
{
    struct mail_address to;
    if (mail_address_parse(a, m->to, &to) != ERR_OK)
        return "must be one mail address, such as ada@example.com or Ada Lovelace <ada@example.com>";
    if (m->subject.len > MAIL_SUBJECT_MAX || !str_is_utf8(m->subject))
        return "the subject must be UTF-8 and at most 512 bytes";
    if (m->text.len > MAIL_BODY_MAX || m->html.len > MAIL_BODY_MAX)
        return "the text is too long: at most 256 KiB";
    return str_is_utf8(m->text) && str_is_utf8(m->html) ? NULL : "the text must be UTF-8";
}

struct doc_change mail_create(struct api *api, struct arena *a, const struct mail *m, int64_t now_ms)
{
    char id[OID_TEXT_SIZE];
    struct mail_doc d = {.id = oid_next(api->oids, now_ms),
                         .app = m->app,
                         .about = m->about,
                         .key = m->key,
                         .status = MAIL_QUEUED,
                         .to = m->to,
                         .subject = m->subject,
                         .text = m->text.ptr != NULL ? m->text : STR(""),
                         .html = m->html,
                         .secret = m->secret,
                         .due_ms = now_ms,
                         .created_ms = now_ms};
    struct doc_change c = {.change = DOC_CREATE};
    struct str domain = mail_domain(api);
    oid_format(d.id, doc_prefix(DOC_MAIL), api->id_key, id);
    d.message_id = arena_printf(a, "%s@" STR_FMT, id, STR_ARG(domain));
    mail_encode(a, api->keys, &d, now_ms, &c.doc);
    return c;
}

enum err mail_send(struct api *api, struct arena *a, const struct mail *mails, size_t count, int64_t now_ms)
{
    struct doc_change *changes = arena_zalloc(a, (count + 1) * sizeof *changes);
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        changes[i] = mail_create(api, a, &mails[i], now_ms);
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = mails[0].app, .changes = changes, .count = count};
    enum err e = store_run(api->store, &op.op);
    if (e == ERR_OK)
        mail_wake(api);
    return e;
}
