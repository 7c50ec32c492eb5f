/** The fields of a request's multipart body, the recording on disk. */
#ifndef SO_SERVER_FORM_H
#define SO_SERVER_FORM_H

#include "server/multipart.h"
#include "server/reference.h"
#include "server/spool.h"

struct so_field {
    const char *name; /**< of the table of known fields */
    char *value;      /**< NUL-terminated UTF-8 */
};

struct so_form {
    struct so_multipart multipart;
    struct so_field *fields; /**< [n_fields], in the order they came */
    size_t n_fields, bytes;
    struct so_spool *spool;
    struct so_spooled file;
    struct so_reference references[SO_MAX_REFERENCES]; /**< [n_references]: known_speaker_references[] */
    size_t n_references;
    bool has_file;
    char label[SO_MAX_LABEL + 1]; /**< the client's name of the recording, printable ASCII; for messages only */
    struct so_problem problem;
    /* the part that is being read */
    const char *name;
    char *value;
    size_t length, capacity;
    bool in_file, in_reference;
};

/** false: content_type is not multipart/form-data; form->problem says so. so_form_free is needed in any case. */
bool so_form_init(struct so_form *form, const char *content_type, struct so_spool *spool);

/** More of the body; false: form->problem says why not. */
bool so_form_feed(struct so_form *form, const char *bytes, size_t n);

/** After the last byte. */
bool so_form_finish(struct so_form *form);

/** Add a field as if it had come; false: unknown, or memory is short. */
bool so_form_add(struct so_form *form, const char *name, const char *value);

/** The value of a field, the last one if it came more than once; NULL: it did not come. */
const char *so_form_get(const struct so_form *form, const char *name);

void so_form_free(struct so_form *form);

#endif
