/* SPDX-License-Identifier: Apache-2.0 */
#include "model/message.h"

static const struct {
    const char *name;
    const char *text;
} causes[CAUSE_COUNT] = {
#define CAUSE_ROW(sym, name_, text_) [CAUSE_##sym] = {.name = (name_), .text = (text_)},
        CAUSE_TABLE(CAUSE_ROW)
#undef CAUSE_ROW
};

const char *cause_name(enum cause c)
{
    CHECK(c < CAUSE_COUNT);
    return causes[c].name;
}

const char *cause_text(enum cause c)
{
    CHECK(c < CAUSE_COUNT);
    return causes[c].text;
}
