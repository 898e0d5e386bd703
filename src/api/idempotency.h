/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header `idempotency-key`: the same key, token and URI gets the first 2xx answer again, for 12 hours at least.
 *
 * What is kept is what was made, by id, in the transaction that makes it; the answer is written anew from the object as
 * it is now, with the status of the first. So no answer's text is ever stored, and what only the first answer may say
 * (the text of an API key) is not said again. An answer that is not 2xx keeps nothing: the key is free. What makes
 * nothing (a preview) or nothing but a secret that may be made again (access to the portal) simply runs again.
 */
#ifndef PR_API_IDEMPOTENCY_H
#define PR_API_IDEMPOTENCY_H

#include "api/handler.h"

#define IDEMPOTENCY_KEY_MAX 256

/* store_made.what, on disk: numbers are never reused. Those of objects are theirs. */
enum made {
    MADE_MESSAGE = 100,
    MADE_RECORD = 102,
    MADE_SOURCE_URL = 103,  /* of an OBJ_SOURCE */
    MADE_INBOUND_URL = 104, /* of an OBJ_APP */
    MADE_NOTHING = 101      /* an answer without contents: 204, or {} */
};

/*
 * The request's key as the store knows it. token: the Authorization value. ERR_NOT_FOUND: the header is absent (null);
 * ERR_INVALID: not 1 to 256 printable ASCII characters; one problem is added.
 */
MUST_USE enum err idempotency_read(struct hash_key secret, struct str header, struct str token, struct str path,
                                   struct str query, struct problems *problems, struct store_key *out);

/*
 * Before a POST is handled: reads the key into call->key (NULL: none) and waits until no other request with it is under
 * way. False: answered, 422.
 */
bool idempotency_begin(struct api *api, struct api_call *call);
/* Answers again if the key is known. False: handle the request. */
bool idempotency_answer(struct api *api, struct api_call *call);
/* Instead of idempotency_end, for a call that goes on later: nothing is kept under its key, others with it may run. */
void idempotency_leave(struct api_call *call);
/* After the answer; begin returned true. */
void idempotency_end(struct api *api, struct api_call *call);

#endif
