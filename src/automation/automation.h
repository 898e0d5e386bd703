/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Automations as they are stored: the OBJ_AUTOMATION says what is in force, its definitions are OBJ_AUTOMATION_VERSION
 * objects, key "<automation>:<number>". The newest version is the draft until it is published; from then on it never
 * changes, and the next change makes another.
 */
#ifndef PR_AUTOMATION_AUTOMATION_H
#define PR_AUTOMATION_AUTOMATION_H

#include "automation/cron.h"
#include "automation/definition.h"
#include "model/object.h"

#define AUTOMATIONS_MAX      500 /* of a workspace */
#define AUTOMATION_HEARS_MAX 200 /* names of one automation */

enum automation_status { AUTOMATION_DRAFT, AUTOMATION_PUBLISHED, AUTOMATION_PAUSED };

struct automation {
    oid_t id;
    oid_t env;
    oid_t app;
    struct str name;
    int64_t status;    /* enum automation_status */
    int64_t latest;    /* oid of the newest version */
    int64_t number;    /* of it, from 1 */
    int64_t published; /* oid of the version in force; 0: none */
    int64_t published_number;
    int64_t trigger; /* the OBJ_TRIGGER; 0: none */
    /* What happens in the workspace that may start it or wake a run of it, also of earlier versions: event types, and
     * "record:<type>". */
    const struct str *hears;
    size_t hear_count;
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t doc_version;
};

const char *automation_status_name(const struct automation *m);
/* ERR_INVALID: damage. Points into the object. */
MUST_USE enum err automation_decode(struct arena *a, const struct object *o, struct automation *out);
/* The object as it shall be written. */
struct object automation_encode(struct arena *a, const struct automation *m);
/* Only the names of what a stored automation hears, for snapshots. */
void automation_hears(struct arena *a, const struct object *o, const struct str **out, size_t *count);
/* The key of a version. */
struct str automation_version_key(struct arena *a, oid_t automation, int64_t number);

/* ---- what starts it -----------------------------------------------------------------------------------------------
 */

/*
 *   {"type":"incoming_webhook", …}                 a URL, see the triggers' own header
 *   {"type":"event","event":"a.b" or [...],"where":condition}          `trigger.body` is the payload
 *   {"type":"record_changed","record":"contact","on":["created","updated","deleted"],"where":condition}
 *   {"type":"schedule","cron":"0 8 * * 1-5"}
 *   {"type":"sequence"}                            only start_sequence starts it
 */
enum start_kind { START_WEBHOOK, START_EVENT, START_RECORD, START_SCHEDULE, START_SEQUENCE };

struct start {
    enum start_kind kind;
    const struct json *names; /* of EVENT: a text or a list; of RECORD what is `on`, NULL: all */
    struct str record;
    const struct condition *where; /* NULL: all */
    struct cron cron;
};

/* ERR_INVALID: problems at "trigger". Those of a webhook are the triggers' affair. */
MUST_USE enum err start_compile(struct arena *a, const struct json *from, struct start *out, struct problems *problems);
/* Whether a text is this name, or a list has it. */
bool start_names_have(const struct json *names, struct str name);
/* What an automation with this start and these steps hears, added to what it heard before. */
void automation_hear(struct arena *a, struct automation *m, const struct start *start, const struct definition *d);

#endif
