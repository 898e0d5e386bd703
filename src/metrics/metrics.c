/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards belong to this file and live for ever: a thread takes a free one at its first count and gives it back, counts
 * and all, when it ends. Only its thread writes to a shard, so relaxed loads and stores are enough.
 */
#include "metrics/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/mem.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };
enum unit { COUNT, MICROS };

static const struct metric_row {
    const char *name;
    enum kind kind;
    enum unit unit;
    const char *label;
    const char *help;
} rows[] = {
#define METRIC_ROW(sym, name, kind, unit, label, help) {"postrider_" name, kind, unit, label, help},
        METRIC_TABLE(METRIC_ROW)
#undef METRIC_ROW
};

/* Upper bounds of all histograms, in microseconds: half a millisecond to two minutes. */
static const int64_t bounds_us[] = {
        500,    1000,   2500,    5000,    10000,   25000,    50000,    100000,
        250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 120000000,
};
/* The cells of a histogram: one per bound, one above all, the sum. */
#define CELL_ABOVE ARRAY_LEN(bounds_us)
#define CELL_SUM   (CELL_ABOVE + 1)
_Static_assert(CELL_SUM < METRIC_LABELS_MAX, "a histogram fits its cells");

struct shard {
    struct metrics_shard cells; /* first: a struct metrics_shard is a struct shard */
    struct shard *next;         /* of all */
    struct shard *next_free;
};

static pthread_mutex_t shards_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shard *all_shards;
static struct shard *free_shards;
static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;

static _Atomic int64_t set_values[METRIC_COUNT][METRIC_LABELS_MAX];

static const char *const outcomes[] = {[METRIC_OUTCOME_SUCCESS] = "success", [METRIC_OUTCOME_FAILED] = "failed"};
static const char *const classes[] = {
        [METRIC_CLASS_2XX] = "2xx", [METRIC_CLASS_3XX] = "3xx", [METRIC_CLASS_4XX] = "4xx", [METRIC_CLASS_5XX] = "5xx"};
static const char *const versions[] = {POSTRIDER_VERSION};

static struct labels {
    const char *const *values;
    size_t count;
} labels[METRIC_COUNT] = {
        [METRIC_DELIVERIES] = {outcomes, ARRAY_LEN(outcomes)},
        [METRIC_HTTP_REQUESTS] = {classes, ARRAY_LEN(classes)},
        [METRIC_BUILD_INFO] = {versions, ARRAY_LEN(versions)},
};

static struct {
    metrics_scrape_fn fn;
    void *arg;
} hooks[8];
static size_t hook_count;

_Thread_local struct metrics_shard *metrics_mine;

static void release_shard(void *arg)
{
    struct shard *s = arg;
    metrics_mine = NULL;
    pthread_mutex_lock(&shards_lock);
    s->next_free = free_shards;
    free_shards = s;
    pthread_mutex_unlock(&shards_lock);
}

static void make_key(void)
{
    CHECK(pthread_key_create(&thread_end, release_shard) == 0);
}

struct metrics_shard *metrics_shard_claim(void)
{
    pthread_once(&thread_end_once, make_key);
    pthread_mutex_lock(&shards_lock);
    struct shard *s = free_shards;
    if (s != NULL) {
        free_shards = s->next_free;
    } else {
        s = mem_zalloc(1, sizeof *s);
        s->next = all_shards;
        all_shards = s;
    }
    pthread_mutex_unlock(&shards_lock);
    CHECK(pthread_setspecific(thread_end, s) == 0);
    metrics_mine = &s->cells;
    return metrics_mine;
}

void metrics_observe_us(enum metric m, int64_t us)
{
    CHECK(rows[m].kind == HISTOGRAM);
    us = us < 0 ? 0 : us;
    unsigned bucket = 0;
    while (bucket < CELL_ABOVE && us > bounds_us[bucket])
        bucket++;
    metrics_add(m, bucket, 1);
    metrics_add(m, CELL_SUM, us);
}

void metrics_count_answer(int http_status)
{
    CHECK(http_status >= 200 && http_status <= 599);
    metrics_add(METRIC_HTTP_REQUESTS, (unsigned)http_status / 100 - 2, 1);
}

void metrics_set(enum metric m, unsigned label, int64_t value)
{
    CHECK(label < METRIC_LABELS_MAX && rows[m].kind != HISTOGRAM);
    atomic_store_explicit(&set_values[m][label], value, memory_order_relaxed);
}

/* The caller holds the lock: no shard joins meanwhile. */
static int64_t sum_cell(enum metric m, size_t cell)
{
    uint64_t sum = (uint64_t)atomic_load_explicit(&set_values[m][cell], memory_order_relaxed);
    for (struct shard *s = all_shards; s != NULL; s = s->next)
        sum += atomic_load_explicit(&s->cells.cells[m][cell], memory_order_relaxed);
    return (int64_t)sum;
}

int64_t metrics_value(enum metric m, unsigned label)
{
    CHECK(label < METRIC_LABELS_MAX);
    pthread_mutex_lock(&shards_lock);
    int64_t value = sum_cell(m, label);
    pthread_mutex_unlock(&shards_lock);
    return value;
}

void metrics_set_labels(enum metric m, const char *const *values, size_t count)
{
    CHECK(rows[m].label != NULL && count <= METRIC_LABELS_MAX);
    labels[m] = (struct labels){values, count};
}

void metrics_on_scrape(metrics_scrape_fn fn, void *arg)
{
    CHECK(hook_count < ARRAY_LEN(hooks));
    hooks[hook_count].fn = fn;
    hooks[hook_count++].arg = arg;
}

/* Seconds without the zeros behind the last digit: 0.0005, 2.5, 120. */
static void write_value(struct buf *out, enum unit unit, int64_t v)
{
    if (unit == COUNT) {
        buf_add_i64(out, v);
        return;
    }
    char fraction[8];
    uint64_t us = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0)
        buf_add_c(out, '-');
    buf_add_u64(out, us / 1000000);
    if (us % 1000000 == 0)
        return;
    size_t len = 6;
    for (uint64_t rest = us % 1000000, i = len; i > 0; i--, rest /= 10)
        fraction[i - 1] = (char)('0' + rest % 10);
    while (fraction[len - 1] == '0')
        len--;
    buf_add_c(out, '.');
    buf_add(out, fraction, len);
}

static void write_label_value(struct buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            buf_add_c(out, '\\');
        if (*value == '\n')
            buf_add_str(out, STR("\\n"));
        else
            buf_add_c(out, *value);
    }
}

static void write_plain(struct buf *out, enum metric m)
{
    const struct metric_row *row = &rows[m];
    size_t count = row->label != NULL ? labels[m].count : 1;
    for (size_t i = 0; i < count; i++) {
        if (row->label != NULL && labels[m].values[i] == NULL)
            continue;
        buf_add_str(out, str_c(row->name));
        if (row->label != NULL) {
            buf_addf(out, "{%s=\"", row->label);
            write_label_value(out, labels[m].values[i]);
            buf_add_str(out, STR("\"}"));
        }
        buf_add_c(out, ' ');
        write_value(out, row->unit, sum_cell(m, i));
        buf_add_c(out, '\n');
    }
}

static void write_histogram(struct buf *out, enum metric m)
{
    const char *name = rows[m].name;
    int64_t below = 0;
    for (size_t i = 0; i <= CELL_ABOVE; i++) {
        below += sum_cell(m, i);
        buf_addf(out, "%s_bucket{le=\"", name);
        if (i < CELL_ABOVE)
            write_value(out, MICROS, bounds_us[i]);
        else
            buf_add_str(out, STR("+Inf"));
        buf_addf(out, "\"} %" PRId64 "\n", below);
    }
    buf_addf(out, "%s_sum ", name);
    write_value(out, rows[m].unit, sum_cell(m, CELL_SUM));
    buf_addf(out, "\n%s_count %" PRId64 "\n", name, below);
}

void metrics_write(struct buf *out)
{
    static const char *const kinds[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
    metrics_set(METRIC_BUILD_INFO, 0, 1);
    for (size_t i = 0; i < hook_count; i++)
        hooks[i].fn(hooks[i].arg);
    pthread_mutex_lock(&shards_lock);
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        const struct metric_row *row = &rows[m];
        buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, kinds[row->kind]);
        if (row->kind == HISTOGRAM)
            write_histogram(out, m);
        else
            write_plain(out, m);
    }
    pthread_mutex_unlock(&shards_lock);
}
