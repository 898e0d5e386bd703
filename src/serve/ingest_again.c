/* SPDX-License-Identifier: Apache-2.0 */
/* A message that was posted before with the same idempotency key: read on an API worker, answered as the first time. */
#include "serve/ingest.h"

static void first_read(struct loop_task *task)
{
    struct ingest *in = CONTAINER_OF(task, struct ingest, task);
    if (in->prepared == ERR_NOT_FOUND && !in->key.known) {
        in->key_is_new = true;
        ingest_admit(in);
    } else if (in->prepared == ERR_NOT_FOUND) {
        ingest_error(in, ERR_GONE, "the message made with this idempotency key has been deleted since");
    } else if (in->prepared != ERR_OK) {
        ingest_error(in, in->prepared, NULL);
    } else {
        ingest_accepted(in, &in->first);
        ingest_free(in);
    }
}

/* On a worker. */
static void read_first(struct pool_job *job, struct store_reader *reader)
{
    struct ingest *in = CONTAINER_OF(job, struct ingest, job);
    enum err e = in->key.known ? ERR_OK : store_find_key(in->reactor->shared->store, &in->key);
    if (e == ERR_OK)
        e = store_get_message(reader, in->arena, in->ws->app.id, in->key.made.id, true, &in->first);
    in->prepared = e;
    in->task.run = first_read;
    loop_post(in->reactor->loop, &in->task);
}

void ingest_again(struct ingest *in)
{
    in->job.run = read_first;
    if (in->reactor->cut)
        ingest_error(in, ERR_CLOSED, NULL);
    else if (!pool_submit(in->reactor->shared->workers, &in->job))
        ingest_error(in, ERR_BUSY, NULL);
}
