/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comma-separated values, RFC 4180, as programs write them: rows end with CRLF, LF or CR, the separator may be another,
 * a quote within a cell that does not begin with one is a character. Pure.
 */
#ifndef PR_RECORDS_CSV_H
#define PR_RECORDS_CSV_H

#include "base/arena.h"

#define CSV_ROW_MAX     ((size_t)256 << 10) /* bytes */
#define CSV_COLUMNS_MAX 1000

struct csv {
    struct str text; /* UTF-8 without a byte order mark */
    size_t at;       /* where the next row begins */
    int64_t line;    /* its line, from 1 */
    char separator;
};

struct csv_row {
    const struct str *cells; /* point into the text where they can */
    size_t count;
    int64_t line; /* where it begins */
    size_t from;  /* offset in the text */
};

enum csv_result {
    CSV_ROW,
    CSV_END,
    CSV_BAD /* *why says what is wrong, row->line where; there is no way on */
};

/* The next row that is not empty. */
enum csv_result csv_next(struct csv *c, struct arena *a, struct csv_row *row, const char **why);
/* What separates the cells of the first line: the most frequent of , ; tab | outside of quotes. */
char csv_separator(struct str text);

#endif
