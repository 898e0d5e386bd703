/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a sample, as expressions name them, and how a later request differs. */
#ifndef PR_INCOMING_VARIABLES_H
#define PR_INCOMING_VARIABLES_H

#include "json/tree.h"
#include "json/write.h"

#define VARIABLES_MAX        5000
#define VARIABLE_EXAMPLE_MAX 200 /* bytes */

/*
 * Writes an array of {"path":"trigger.body.a","type":"string","example":…,"change":null|"added"|"removed"|"type"}: of
 * objects every member, of arrays the first item. example: the value, a long string cut; null for long arrays and
 * objects. later: a newer request, or NULL; `change` says what is different in it. Returns how many changed.
 */
size_t variables_write(struct arena *a, const struct json *trigger, const struct json *later, struct json_writer *w);

#endif
