/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an automation can work in its workspace, as far as that is certain before it runs. */
#ifndef PR_API_AUTOMATION_FIT_H
#define PR_API_AUTOMATION_FIT_H

#include "api/automation.h"
#include "model/config.h"

struct automation_parts {
    const struct app *app;
    oid_t own;                           /* the automation, which may start itself */
    const struct start *start;           /* NULL: not looked at */
    const struct definition *definition; /* without problems of its own */
};

/*
 * Types of records, event types and automations that are named must be there, what names a record must be set, URLs,
 * headers and mail addresses that hold no expressions must be such that a request or a letter can go out. Problems at
 * "trigger" and "steps", with the path below it ("0.set.email"). Store errors only.
 */
MUST_USE enum err automation_fit(const struct api *api, struct api_call *call, const struct automation_parts *of,
                                 struct problems *problems);

#endif
