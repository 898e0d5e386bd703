/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's end of a worker process. It belongs to one pool thread, which waits on it.
 */
#ifndef PR_TRANSFORM_PROCESS_H
#define PR_TRANSFORM_PROCESS_H

#include "transform/transform.h"

struct transform_process {
    const struct transform_limits *limits;
    int pid; /* 0: none is running */
    int fd;
    size_t idle_bytes; /* resident when it started */
    struct buf frame;  /* of this run */
};

void process_init(struct transform_process *p, const struct transform_limits *limits);
/* Ends the worker, if there is one. */
void process_stop(struct transform_process *p);

#endif
