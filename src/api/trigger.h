/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triggers of type `incoming_webhook`: a URL of an automation that takes requests from outside. An OBJ_TRIGGER of the
 * workspace holds how it verifies and which automation it starts, its secrets sealed; each of its URLs is an
 * OBJ_TRIGGER_URL under the hash of its token. Automations create, change and publish triggers in commits of their own:
 * the functions here only say which changes that takes.
 *
 * The definition, as customers write it:
 *   {"type":"incoming_webhook", "verify":{…} or null, "dedupe":"header:x-id" | "body:order.id" | "query:id" | "none",
 *    "methods":["POST","PUT"]}    GET only when it is named: whatever looks at a link would start a run
 *   verify: "profile" (a provider, see profile_incoming.h, or a profile of the environment) or "row" (a row of one's
 *   own), "secret", "header" (of the signature, if it has another name), "toleranceSeconds", "verifyToken" (Meta),
 *   "addresses" (["203.0.113.0/24"…]). With a profile or row and without a secret every request is refused.
 */
#ifndef PR_API_TRIGGER_H
#define PR_API_TRIGGER_H

#include "api/api.h"
#include "incoming/trigger.h"

#define TRIGGER_TYPE        "incoming_webhook"
#define TRIGGER_URL_PATH    "/v1/webhooks/in/"
#define TRIGGER_CHANGES_MAX 12 /* of trigger_create, trigger_update, trigger_delete */

/* Where a definition belongs. */
struct trigger_place {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    oid_t env;
    oid_t app;
    int64_t now_ms;
    const char *at; /* where the definition stands in the request's body, for problems: "trigger" */
};

/*
 * The changes that make a trigger of an automation, with its URL: out[0].object is the trigger. `out` has room for
 * TRIGGER_CHANGES_MAX. ERR_INVALID: problems were added. Store errors.
 */
MUST_USE enum err trigger_create(const struct trigger_place *at, oid_t automation, const struct json *definition,
                                 struct object_change *out, size_t *count, struct problems *problems);
/* The changes that give it another definition at once; a secret that the definition does not name stays. Its URL stays.
 */
MUST_USE enum err trigger_update(const struct trigger_place *at, const struct object *trigger,
                                 const struct json *definition, struct object_change *out, size_t *count,
                                 struct problems *problems);
/* The same from the next publication on; at once while nothing was published. */
MUST_USE enum err trigger_redefine(const struct trigger_place *at, const struct object *trigger,
                                   const struct json *definition, struct object_change *out, size_t *count,
                                   struct problems *problems);
/* The changes that delete it; its URL answers 410 from then on. */
MUST_USE enum err trigger_delete(const struct trigger_place *at, const struct object *trigger,
                                 struct object_change *out, size_t *count);
/* The change that moves it to a state and, if version is not 0, to that version of its automation; another than before
 * brings what trigger_redefine said into force. */
MUST_USE enum err trigger_publish(const struct trigger_place *at, const struct object *trigger,
                                  enum trigger_state state, oid_t version, struct object_change *out);

struct trigger_owner {
    oid_t env;
    oid_t app;
    oid_t automation;
};
/* The trigger of an automation. ERR_NOT_FOUND: it has none of this type, or it was deleted. */
MUST_USE enum err trigger_find(struct store_reader *r, struct arena *a, const struct trigger_owner *of,
                               struct object *out);
/* Members of an object that the caller has opened: id, type, url, verify (no secrets), dedupe, methods, sample. newest:
 * as it will be once it is published, else as it is. Who may only look sees no token: it would start runs. */
MUST_USE enum err trigger_write(const struct api *api, const struct api_call *call, const struct object *trigger,
                                bool newest, struct json_writer *w);

/* What GET …/sample shows; also for test runs: the request chosen as the sample, else the newest. The JSON object
 * {"body","headers","query","method"}; ERR_NOT_FOUND: there is none. */
MUST_USE enum err trigger_sample(const struct api *api, struct store_reader *r, struct arena *a,
                                 const struct object *trigger, oid_t *request, struct str *trigger_json);
/* The trigger's JSON of a request of this trigger. ERR_NOT_FOUND. */
MUST_USE enum err trigger_request(const struct api *api, struct store_reader *r, struct arena *a,
                                  const struct object *trigger, oid_t request, struct str *trigger_json);

#endif
