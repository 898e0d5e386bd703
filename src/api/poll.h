/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages read by whoever asks for them, in the order of their ids: polling endpoints and streams of events. A place
 * in that order is an id; what is behind it is read up to where the store has settled (STORE_SETTLE), so that nothing
 * is committed below a place that somebody has passed. See docs/decisions, "A place in the order of messages".
 */
#ifndef PR_API_POLL_H
#define PR_API_POLL_H

#include "api/handler.h"

#define POLL_LIMIT     50
#define POLL_LIMIT_MAX 250

struct poll {
    /* in */
    oid_t app;
    oid_t from; /* the place: what is behind it */
    size_t limit;
    const struct endpoint *ep; /* what it matches, and only what still has its payload; NULL: everything */
    const struct str *event_types;
    size_t event_type_count;
    const struct str *channels; /* one of them is enough */
    size_t channel_count;

    /* out */
    struct message *messages;
    size_t count;
    oid_t next; /* the place behind all that was looked at */
    bool done;  /* nothing more is there now */
};

/* Reads; blocks until the store has settled. */
MUST_USE enum err poll_read(struct api *api, struct api_call *call, struct poll *p);
/* The last message that is there; `from` when there is none behind it. */
MUST_USE enum err poll_latest(struct api *api, struct api_call *call, oid_t app, oid_t from, oid_t *out);

/* The place of the query: its iterator, else `after`, else `from`. Filters of the query are added. Problems are noted.
 */
void poll_query(const struct api *api, struct api_call *call, oid_t from, struct poll *p);
/* The place right behind a time. */
oid_t poll_place_at(int64_t ms);
struct str poll_iterator(const struct api *api, struct api_call *call, oid_t place);

/* A polling endpoint as the catalog knows it; the snapshot is held until poller_end. */
struct poller {
    const struct workspace *ws;
    const struct endpoint *ep;
    const struct catalog_profile *profile;
    struct profile_signers *signers; /* made by the first message */
};
/* That of params[1] in the workspace of params[0], which the caller may poll. False: answered. */
bool poller_begin(struct api *api, struct api_call *call, struct poller *out);
void poller_end(struct poller *p);
/* Members of a message as a delivery would bring it: payload in its envelope, headers signed now. */
void poller_write(const struct api *api, struct api_call *call, struct poller *p, const struct message *m,
                  struct json_writer *w);
/* A PollingEndpointOut. */
void poller_answer(const struct api *api, struct api_call *call, struct poller *p, const struct poll *found);
/* Where it is polled. */
struct str poller_url(const struct api *api, struct api_call *call, const struct endpoint *ep);

/* Of an endpoint that is gone: its token ends, what its consumers had read is forgotten. Store errors. */
MUST_USE enum err poller_forget(struct api *api, struct api_call *call, const struct endpoint *ep);
MUST_USE enum err poller_forget_consumers(struct api *api, struct api_call *call, const struct endpoint *ep);

#endif
