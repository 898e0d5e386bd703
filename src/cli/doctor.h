/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `doctor`: checks, each of which says one line. */
#ifndef PR_CLI_DOCTOR_H
#define PR_CLI_DOCTOR_H

#include "cli/local.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    const struct args *args;
    struct settings set;
    bool has_settings;
    struct store_facts facts;
    enum err facts_err;
    bool lock_held;  /* another process has the store */
    struct buf text; /* what the check says: what is, and what to do */
};

typedef enum verdict (*doctor_check_fn)(struct doctor *d);

/* doctor_net.c */
enum verdict doctor_check_listen(struct doctor *d);
enum verdict doctor_check_egress(struct doctor *d);
enum verdict doctor_check_dns(struct doctor *d);
enum verdict doctor_check_mail(struct doctor *d);

#endif
