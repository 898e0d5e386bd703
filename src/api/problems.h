/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_PROBLEMS_H
#define PR_API_PROBLEMS_H

#include "api/handler.h"

/*
 * Problems that were found inside of something larger, to where they are: ["body","url"] becomes
 * ["body",where,"0","url"]. `from` is empty afterwards. sub null: left out.
 */
void problems_move(struct arena *a, struct problems *from, struct problems *to, struct str where, struct str sub);

#endif
