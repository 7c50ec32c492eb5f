#include "server/work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/run.h"
#include "util/clock.h"
#include "util/error.h"

static void cancelled(struct so_problem *problem) {
    so_problem(problem, 503, NULL, "cancelled", "the request was cancelled");
}

static void fail_and_drop(struct so_task *task, const struct so_problem *problem) {
    so_task_fail(task, problem);
    so_task_drop(task);
}

/** Insert by tag; the lock is held. */
static void enqueue(struct so_work *w, struct so_task *task) {
    struct so_task **at = &w->queue;
    task->tag = task->arrived + SO_WORK_WEIGHT * task->work;
    while (*at && (*at)->tag <= task->tag) at = &(*at)->next;
    task->next = *at;
    *at = task;
    w->waiting++;
    w->waiting_work += task->work;
    pthread_cond_broadcast(&w->more);
}

/** The first task, or (express) the first short one; NULL: there is none. */
static struct so_task *dequeue(struct so_work *w, bool express) {
    struct so_task **at = &w->queue;
    while (*at && express && (*at)->sound > SO_EXPRESS_SECONDS) at = &(*at)->next;
    struct so_task *task = *at;
    if (!task) return NULL;
    *at = task->next;
    w->waiting--;
    w->waiting_work = w->queue ? w->waiting_work - task->work : 0;
    task->next = NULL;
    return task;
}

static unsigned retry_after(const struct so_work *w) {
    double seconds = w->waiting_work; /* of computing, which workers share */
    return seconds < 1 ? 1 : seconds > SO_MAX_RETRY_AFTER ? SO_MAX_RETRY_AFTER : (unsigned)seconds;
}

unsigned so_work_retry_after(struct so_work *w) {
    pthread_mutex_lock(&w->lock);
    unsigned seconds = retry_after(w);
    pthread_mutex_unlock(&w->lock);
    return seconds;
}

/** Queue a task whose length is known, or refuse it. */
static void admit(struct so_work *w, struct so_task *task) {
    struct so_problem problem = {0};
    task->work = task->sound * so_models_cost(w->models, task->request.offer);
    pthread_mutex_lock(&w->lock);
    if (w->stopping || atomic_load(&task->cancelled)) {
        cancelled(&problem);
    } else if (!task->revived && !task->request.asynchronous && w->waiting && w->waiting_work + task->work > w->settings->queue_seconds) {
        so_problem(&problem, 429, NULL, "queue_full", "too much work is waiting; try again later");
        problem.retry_after = retry_after(w);
    } else {
        enqueue(w, task);
    }
    pthread_mutex_unlock(&w->lock);
    if (!problem.status) return;
    if (problem.status == 429) so_metrics_refused(w->metrics, SO_REFUSED_QUEUE);
    fail_and_drop(task, &problem);
}

static bool wants_stop(void *user) { return atomic_load(&((struct so_task *)user)->cancelled); }

/** A recording's length by its own word; one that cannot be opened fails here, long before its turn. */
static void measure(struct so_work *w, struct so_task *task) {
    struct so_problem refused;
    if (task->accept && !task->accept(task, &refused)) {
        fail_and_drop(task, &refused);
        return;
    }
    struct so_media_stream stream = {.cancel = wants_stop, .user = task};
    sotto_error err;
    sotto_status status = so_media_decode(w->media, task->form.file.fd, task->form.label, true, SO_MEDIA_PROBE_SECONDS, &stream, &err);
    if (status) {
        struct so_problem problem;
        so_problem_from(&problem, status, &err);
        fail_and_drop(task, &problem);
        return;
    }
    if (stream.duration > 0) task->sound = stream.duration;
    so_media_close(&stream);
    admit(w, task);
}

static void *measuring_thread(void *context) {
    struct so_work *w = context;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->unmeasured && !w->stopping) pthread_cond_wait(&w->measure, &w->lock);
        struct so_task *task = w->unmeasured;
        if (!task) break;
        w->unmeasured = task->next;
        task->next = NULL;
        pthread_mutex_unlock(&w->lock);
        measure(w, task);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct worker {
    struct so_work *work;
    unsigned index;
};

static void *working_thread(void *context) {
    struct worker worker = *(struct worker *)context;
    struct so_work *w = worker.work;
    free(context);
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct so_task *task;
        while (!(task = dequeue(w, worker.index == w->n_threads)) && !w->stopping) pthread_cond_wait(&w->more, &w->lock);
        if (!task) break;
        w->running++;
        w->active[worker.index] = task;
        pthread_mutex_unlock(&w->lock);
        so_run_task(w, task);
        pthread_mutex_lock(&w->lock);
        w->active[worker.index] = NULL;
        w->running--;
        so_task_drop(task);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

sotto_status so_work_start(struct so_work *w, const struct so_settings *settings, struct so_models *models, struct so_media *media,
                           struct so_metrics *metrics, struct so_rollout *rollout, sotto_error *err) {
    *w = (struct so_work){.settings = settings, .models = models, .media = media, .metrics = metrics, .rollout = rollout, .n_threads = settings->parallel};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->measure, NULL);
    w->threads = calloc(w->n_threads + 2, sizeof *w->threads);
    w->active = calloc(w->n_threads + 1, sizeof *w->active);
    if (!w->threads || !w->active) return so_fail_memory(err, w->n_threads * sizeof *w->threads, "threads");
    if (pthread_create(&w->threads[w->started], NULL, measuring_thread, w)) return so_fail(err, SOTTO_ERR_MEMORY, "no thread can be started");
    w->started++;
    for (unsigned i = 0; i <= w->n_threads; i++) { /* the last one is the express */
        struct worker *worker = malloc(sizeof *worker);
        if (!worker) return so_fail_memory(err, sizeof *worker, "threads");
        *worker = (struct worker){w, i};
        if (pthread_create(&w->threads[w->started], NULL, working_thread, worker)) {
            free(worker);
            return so_fail(err, SOTTO_ERR_MEMORY, "no thread can be started");
        }
        w->started++;
    }
    return SOTTO_OK;
}

bool so_work_reserve(struct so_work *w, struct so_problem *problem) {
    pthread_mutex_lock(&w->lock);
    bool free_place = w->reserved < w->settings->queue && !w->stopping;
    if (free_place) w->reserved++;
    unsigned seconds = retry_after(w);
    pthread_mutex_unlock(&w->lock);
    if (free_place) return true;
    so_metrics_refused(w->metrics, SO_REFUSED_QUEUE);
    so_problem(problem, 429, NULL, "queue_full", "too many requests are waiting; try again later");
    problem->retry_after = seconds;
    return false;
}

void so_work_reserve_anyway(struct so_work *w) {
    pthread_mutex_lock(&w->lock);
    w->reserved++;
    pthread_mutex_unlock(&w->lock);
}

void so_work_unreserve(struct so_work *w) {
    pthread_mutex_lock(&w->lock);
    w->reserved--;
    pthread_mutex_unlock(&w->lock);
}

void so_work_submit(struct so_work *w, struct so_task *task) {
    so_task_hold(task);
    task->deadline = task->arrived + w->settings->deadline;
    task->sound = (double)task->form.file.size / SO_GUESSED_BYTE_RATE;
    if (task->form.file.size < SO_PROBE_BYTES && !task->accept) {
        admit(w, task);
        return;
    }
    struct so_task **at = &w->unmeasured;
    pthread_mutex_lock(&w->lock);
    while (*at) at = &(*at)->next;
    *at = task;
    pthread_cond_signal(&w->measure);
    pthread_mutex_unlock(&w->lock);
}

/** Take a task out of a list; false: it is not there. */
static bool unlink_task(struct so_task **list, struct so_task *task) {
    while (*list && *list != task) list = &(*list)->next;
    if (!*list) return false;
    *list = task->next;
    task->next = NULL;
    return true;
}

void so_work_cancel(struct so_work *w, struct so_task *task) {
    atomic_store(&task->cancelled, true);
    pthread_mutex_lock(&w->lock);
    bool queued = unlink_task(&w->queue, task);
    if (queued) {
        w->waiting--;
        w->waiting_work = w->queue ? w->waiting_work - task->work : 0;
    }
    bool found = queued || unlink_task(&w->unmeasured, task);
    pthread_mutex_unlock(&w->lock);
    if (!found) return;
    struct so_problem problem;
    cancelled(&problem);
    fail_and_drop(task, &problem);
}

bool so_work_drain(struct so_work *w, double seconds) {
    for (double until = so_now() + seconds;; usleep(20000)) {
        pthread_mutex_lock(&w->lock);
        bool idle = w->reserved == 0 && !w->queue && !w->unmeasured && w->running == 0;
        pthread_mutex_unlock(&w->lock);
        if (idle || so_now() >= until) return idle;
    }
}

void so_work_stop(struct so_work *w) {
    struct so_problem problem;
    cancelled(&problem);
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    struct so_task *lists[] = {w->queue, w->unmeasured};
    w->queue = w->unmeasured = NULL;
    w->waiting = 0;
    w->waiting_work = 0;
    for (unsigned i = 0; w->active && i <= w->n_threads; i++)
        if (w->active[i]) atomic_store(&w->active[i]->cancelled, true);
    pthread_cond_broadcast(&w->more);
    pthread_cond_broadcast(&w->measure);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < 2; i++)
        for (struct so_task *task = lists[i], *next; task; task = next) {
            next = task->next;
            fail_and_drop(task, &problem);
        }
    for (unsigned i = 0; i < w->started; i++) pthread_join(w->threads[i], NULL);
    free(w->threads);
    free(w->active);
    w->threads = NULL;
    w->active = NULL;
    w->started = 0;
}
