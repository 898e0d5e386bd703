/* SPDX-License-Identifier: Apache-2.0 */
/* What the two faces of API keys share: /auth/api-key and /management/authentication. */
#ifndef PR_API_API_KEY_H
#define PR_API_API_KEY_H

#include "api/handler.h"
#include "auth/token.h"

/* Members of an answer: all that is known of a key but its text. */
void api_key_write(const struct api *api, struct api_call *call, const struct token *t, struct json_writer *w);
/* A problem is added when name, role or scopes do not fit, or the key may more than who asks for it. */
void api_key_check(struct api_call *call, const struct token *t);
/* Makes the key and answers with its text, which nothing else will show. */
void api_key_make(struct api *api, struct api_call *call, struct token *t, int status);

#endif
