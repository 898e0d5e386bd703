/* SPDX-License-Identifier: Apache-2.0 */
/* What the rendered input of a step must have before anything is done, with the same words in a run and in a test. */
#ifndef PR_API_STEP_INPUT_H
#define PR_API_STEP_INPUT_H

#include "api/mail.h"
#include "records/type.h"
#include "json/tree.h"

/* A member that is a text; null: none. */
struct str step_input_text(const struct json *input, const char *name);
/* The text that names the record of an upsert; null: records of this type have no name. False: *why, in the arena. */
bool step_input_key(struct arena *a, const struct json *input, const struct record_type *type, struct str *key,
                    struct str *why);
/* That there is no record of the input's target. In the arena. */
struct str step_input_no_target(struct arena *a, const struct json *input);
/* The letter of a send_email, which is borrowed from the input; of no workspace yet. */
struct mail step_input_letter(const struct json *input);

#endif
