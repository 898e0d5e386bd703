/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender signs besides its headers and the body as it is, found again in the request. For signing/ only. */
#ifndef PR_SIGNING_RECEIVED_H
#define PR_SIGNING_RECEIVED_H

#include "signing/row.h"

#define RECEIVED_URLS_MAX 4

struct received {
    struct str urls[RECEIVED_URLS_MAX]; /* any of them may be the one that was signed */
    size_t url_count;                   /* at least 1 */
    struct str form;                    /* {form} */
    struct str body_time;               /* {body_time}; null when it is not signed apart */
};

/* All of it in the arena, or slices of the request. NULL, or what is wrong, a static text. */
const char *received_read(const struct profile *p, const struct profile_request *rq, struct arena *a,
                          struct received *out);
/* NULL, or what is wrong with a signed time; unit_ms is what one of it is worth. */
const char *received_judge_time(struct str text, int64_t unit_ms, const struct profile_request *rq);
/* The same of the time in the body, if the row names one. */
const char *received_judge_body_time(const struct profile *p, const struct profile_request *rq, struct arena *a);

#endif
