/* Where the decoder looks while it is told a text: the pass that word times are made of. */
#include "nn/shape.h"
#include "util/memory.h"
#include "whisper/decoder_state.h"
#include "whisper/seq.h"

struct trace_job {
    struct so_decoder *d;
    const struct so_memory *memory;
    const struct so_trace *trace;
    size_t first_head; /* of the trace: the layer's heads stand together */
    size_t n;          /* rows of this step */
    float *weights;    /* of this step's first row and the trace's first head */
    size_t head_size;  /* floats from one head's weights to the next one's */
};

static void trace_task(void *context, size_t item, size_t worker) {
    const struct trace_job *job = context;
    struct so_decoder *d = job->d;
    size_t index = job->first_head + item, head = job->trace->heads[2 * index + 1];
    so_attention_weights(d->nn.kernels, job->memory, head, job->n, job->trace->positions,
                         d->wide + head * SO_HEAD, d->model->hp.n_text_state,
                         job->weights + index * job->head_size, job->trace->ld,
                         so_nn_scratch(&d->nn, worker));
}

/* One step of at most max_rows rows of one sequence. */
static sotto_status step(struct so_decoder *d, const struct so_step_row *rows, size_t n,
                         struct trace_job *job, sotto_error *err) {
    sotto_status status = so_decoder_place(d, rows, n, err);
    if (status) return status;
    const struct so_trace *trace = job->trace;
    size_t done = 0;
    job->n = n;
    for (size_t layer = 0; done < trace->n_heads; layer++) {
        so_decoder_self_attention(d, rows, n, layer);
        so_decoder_cross_query(d, n, layer);
        size_t here = 0;
        while (done + here < trace->n_heads && trace->heads[2 * (done + here)] == layer) here++;
        job->first_head = done;
        job->memory = &rows[0].seq->cross->layers[layer];
        if (here) so_pool_run(d->nn.pool, here, trace_task, job);
        so_count(&d->nn.products.qk, here > 0, false);
        done += here;
        if (done == trace->n_heads) break;
        so_decoder_cross_attention(d, rows, n, layer);
        so_decoder_feed_forward(d, n, layer);
    }
    rows[0].seq->length += n;
    return SOTTO_OK;
}

sotto_status so_decoder_trace(struct so_decoder *d, struct so_seq *seq, const int32_t *tokens, size_t n,
                              const struct so_trace *trace, float *weights, sotto_error *err) {
    for (size_t i = 0; i < trace->n_heads; i++) {
        const uint16_t *pair = trace->heads + 2 * i;
        if (pair[0] >= d->model->hp.n_text_layer || pair[1] >= d->model->hp.n_text_head ||
            (i > 0 && pair[0] < pair[-2]))
            return so_fail(err, SOTTO_ERR_ARGUMENT, "attention head %u of layer %u is none of the model's",
                           pair[1], pair[0]);
    }
    if (trace->positions == 0 || trace->positions > seq->cross->layers[0].positions)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "%zu positions were not heard", trace->positions);
    struct so_step_row *rows = so_alloc(d->max_rows, sizeof *rows);
    if (!rows) return so_fail_memory(err, d->max_rows * sizeof *rows, "word times");
    struct trace_job job = {.d = d, .trace = trace, .head_size = n * trace->ld};
    sotto_status status = SOTTO_OK;
    for (size_t r = 0; r < n && !status; r += d->max_rows) {
        size_t most = so_min(d->max_rows, n - r);
        for (size_t i = 0; i < most; i++) rows[i] = (struct so_step_row){seq, tokens[r + i], NULL};
        job.weights = weights + r * trace->ld;
        status = step(d, rows, most, &job, err);
    }
    so_free(rows);
    return status;
}
