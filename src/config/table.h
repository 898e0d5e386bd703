/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of config/: a row per setting, and the functions that read a value's text into struct settings.
 */
#ifndef PR_CONFIG_TABLE_H
#define PR_CONFIG_TABLE_H

#include "config/settings.h"

/* SECRET never comes as a flag; MAY_HOLD_SECRET only without a password in it. Both may come from a file. */
enum setting_kind { SETTING_PLAIN, SETTING_MAY_HOLD_SECRET, SETTING_SECRET };

#define SAY_SUBNETS "subnets separated by commas, such as 10.0.0.0/8,fd00::/8"

struct setting;

struct reading {
    struct settings *s;
    const struct setting *row;
    struct str value;
    const char *trouble; /* out: what to write, when the row's own words do not fit the case */
};

/* Puts the value into the settings; false: it does not fit. */
typedef bool (*setting_read_fn)(struct reading *r);

struct setting {
    const char *name; /* LISTEN: the flag is --listen, the variable POSTRIDER_LISTEN */
    enum setting_kind kind;
    setting_read_fn read;
    size_t offset;       /* of the field, for the readers that serve several settings */
    size_t count_offset; /* of its count, for lists */
    int64_t min, max;    /* for numbers, in the unit of the field */
    const char *def;     /* the text that is read when nothing is given; NULL: the field stays zero */
    const char *dev_def; /* the same with --dev, if it differs */
    const char *shown;   /* the default as --help shows it, if it is not `def` */
    const char *expects; /* what to write, behind "write " */
    const char *meaning;
};

extern const struct setting settings_table[];
extern const size_t settings_table_len;

/* "--listen" and "POSTRIDER_LISTEN", NUL-terminated; names are short enough. */
#define SETTING_NAME_SIZE 48
void setting_flag(const struct setting *row, char out[SETTING_NAME_SIZE]);
void setting_variable(const struct setting *row, char out[SETTING_NAME_SIZE]);
/* The name most like `name` among flags (or variables, with their _FILE forms), or false when none is near. */
bool setting_nearest(struct str name, bool flags, char out[SETTING_NAME_SIZE]);

bool read_bool(struct reading *r);
bool read_text(struct reading *r);      /* empty: NULL */
bool read_file_path(struct reading *r); /* as read_text; the file must be readable */
bool read_duration(struct reading *r);  /* ms, min..max */
bool read_size(struct reading *r);      /* bytes, min..max */
bool read_int(struct reading *r);       /* min..max */
bool read_subnets(struct reading *r);
bool read_addresses(struct reading *r); /* NULL-terminated list of texts; empty: NULL */
bool read_networks(struct reading *r);  /* the same, of addresses or subnets */
bool read_listen(struct reading *r);
bool read_metrics_listen(struct reading *r);
bool read_database(struct reading *r);
bool read_secret(struct reading *r); /* not empty */
bool read_master_key(struct reading *r);
bool read_public_url(struct reading *r);
bool read_environment(struct reading *r);
bool read_profile_name(struct reading *r);
bool read_retry_schedule(struct reading *r);
bool read_signature(struct reading *r);
bool read_proxy(struct reading *r);
bool read_smtp_url(struct reading *r);
bool read_mail_address(struct reading *r);
bool read_in_flight(struct reading *r);
bool read_workers(struct reading *r);
bool read_log_level(struct reading *r);
bool read_log_format(struct reading *r);
bool read_frame_ancestors(struct reading *r);
bool read_resolver(struct reading *r);

#endif
