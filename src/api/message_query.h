/* SPDX-License-Identifier: Apache-2.0 */
/* What lists of messages and of attempts have in common. */
#ifndef PR_API_MESSAGE_QUERY_H
#define PR_API_MESSAGE_QUERY_H

#include "api/handler.h"

struct message_filter {
    struct page page;
    oid_t before, after;
    struct str channel, tag; /* null or empty: any */
    const struct str *event_types;
    size_t event_type_count;
    int status;   /* -1: any */
    bool failing; /* the last attempt failed, whether it is tried again or not */
    bool with_content;
    bool expanded; /* canceled ones keep their status */
};

/* Rows that a page of a filtered list looks at: under 5 ms (docs/decisions, "Lists that stay fast"). */
#define LIST_VISITS 1000

/* Reads them from the query; the iterator has this prefix. False: answered. */
bool message_filter_read(const struct api *api, struct api_call *call, const char *prefix, struct message_filter *out);
/* Those who hold the message's payload in memory, to send it, are told to drop it. */
MUST_USE enum err message_tell_expunged(const struct api *api, struct store_reader *r, struct arena *a, oid_t msg);
/* Notes what cannot be a channel, a tag, a type. where: "query" or "body". */
void message_filter_check(struct api_call *call, const char *where, const struct message_filter *f);
/* Answers with a page of messages, of an endpoint's when ep is not 0. */
void message_page(struct api *api, struct api_call *call, const struct app *app, oid_t ep, struct message_filter f);
/* The query of an attempts list with this filter; the caller sets ep, msg, class and budget. */
struct attempt_query attempt_filter_query(const struct app *app, const struct message_filter *f);
/* status_code_class of the request: 0 means no answer; -1 any. */
int attempt_class_read(struct api_call *call);
/* Answers with an attempt, whole, and its message if m is not NULL. */
void attempt_answer(const struct api *api, struct api_call *call, int status, const struct attempt *t,
                    const struct message *m);
const char *delivery_status_text(enum delivery_status s);
/* status and statusText */
void write_delivery_status(enum delivery_status s, struct json_writer *w);
/* And why, and when the next attempt is due. */
void write_delivery(const struct delivery *d, bool expanded, struct json_writer *w);

#endif
