#include "decode/machine.h"

#include "util/memory.h"

struct so_machines {
    const struct so_model *model;
    pthread_mutex_t lock; /* of what follows */
    struct so_machine *first;
};

sotto_status so_machines_create(const struct so_model *model, struct so_machines **out, sotto_error *err) {
    *out = NULL;
    struct so_machines *machines = so_calloc(1, sizeof *machines);
    if (!machines) return so_fail_memory(err, sizeof *machines, "decoding");
    if (pthread_mutex_init(&machines->lock, NULL) != 0) {
        so_free(machines);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for decoding");
    }
    machines->model = model;
    *out = machines;
    return SOTTO_OK;
}

void so_machines_free(struct so_machines *machines) {
    if (!machines) return;
    pthread_mutex_destroy(&machines->lock);
    so_free(machines);
}

static void machine_free(struct so_machine *m) {
    so_decoder_free(m->decoder);
    so_encoder_free(m->encoder);
    so_logmel_free(m->logmel);
    so_pool_free(m->pool);
    so_free(m->mel);
    so_free(m->rows);
    pthread_mutex_destroy(&m->lock);
    so_free(m);
}

static sotto_status machine_create(const struct so_model *model, size_t threads, struct so_machine **out, sotto_error *err) {
    struct so_machine *m = so_calloc(1, sizeof *m);
    if (!m) return so_fail_memory(err, sizeof *m, "decoding");
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        so_free(m);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for decoding");
    }
    size_t mel_size = (size_t)SO_MEL_FRAMES * model->hp.n_mels;
    m->threads = threads;
    m->mel = so_alloc(mel_size, sizeof *m->mel);
    m->rows = so_alloc(SO_ENGINE_ROWS, sizeof *m->rows);
    sotto_status status = m->mel && m->rows ? SOTTO_OK : so_fail_memory(err, mel_size * sizeof(float), "features");
    if (!status) status = so_pool_create(threads, &m->pool, err);
    if (!status) status = so_logmel_create(model->mel_filters, model->hp.n_mels, &m->logmel, err);
    if (!status) status = so_encoder_create(model, m->pool, &m->encoder, err);
    if (!status) status = so_decoder_create(model, m->pool, SO_ENGINE_ROWS, &m->decoder, err);
    if (status) {
        machine_free(m);
        return status;
    }
    *out = m;
    return SOTTO_OK;
}

sotto_status so_machine_acquire(struct so_machines *machines, size_t threads, struct so_machine **out, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    pthread_mutex_lock(&machines->lock);
    struct so_machine *m = machines->first;
    while (m && m->threads != threads) m = m->next;
    if (!m) {
        status = machine_create(machines->model, threads, &m, err);
        if (!status) {
            m->next = machines->first;
            machines->first = m;
        }
    }
    if (!status) m->users++;
    pthread_mutex_unlock(&machines->lock);
    *out = status ? NULL : m;
    return status;
}

void so_machine_release(struct so_machines *machines, struct so_machine *m) {
    if (!m) return;
    pthread_mutex_lock(&machines->lock);
    bool last = --m->users == 0;
    if (last) {
        struct so_machine **at = &machines->first;
        while (*at != m) at = &(*at)->next;
        *at = m->next;
    }
    pthread_mutex_unlock(&machines->lock);
    if (last) machine_free(m);
}

bool so_machine_listen(struct so_machine *m, const void *who) {
    pthread_mutex_lock(&m->lock);
    bool ok = m->listener == NULL;
    if (ok) m->listener = who;
    pthread_mutex_unlock(&m->lock);
    return ok;
}

void so_machine_unlisten(struct so_machine *m, const void *who) {
    pthread_mutex_lock(&m->lock);
    if (m->listener == who) m->listener = NULL;
    pthread_mutex_unlock(&m->lock);
}

sotto_status so_machine_keep(struct so_machines *machines, size_t threads, struct so_machine_hold *hold, sotto_error *err) {
    *hold = (struct so_machine_hold){machines, NULL};
    return so_machine_acquire(machines, threads, &hold->machine, err);
}

void so_machine_let_go(struct so_machine_hold *hold) {
    so_machine_release(hold->machines, hold->machine);
    *hold = (struct so_machine_hold){0};
}
