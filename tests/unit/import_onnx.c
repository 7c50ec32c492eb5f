/** ONNX exports, as torch and optimum write them; protobuf's wire format by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "import_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- protobuf ---- */

static void varint(struct so_bytes *out, uint64_t value) {
    do {
        const uint8_t byte = (uint8_t)(value & 127) | (value > 127 ? 128 : 0);
        so_bytes_add(out, &byte, 1);
        value >>= 7;
    } while (value);
}

static void number(struct so_bytes *out, unsigned field, uint64_t value) {
    varint(out, field << 3);
    varint(out, value);
}

static void bytes(struct so_bytes *out, unsigned field, const void *data, size_t size) {
    varint(out, field << 3 | 2);
    varint(out, size);
    so_bytes_add(out, data, size);
}

static void text(struct so_bytes *out, unsigned field, const char *value) {
    bytes(out, field, value, strlen(value));
}

/** A message that is freed with it. */
static void message(struct so_bytes *out, unsigned field, struct so_bytes *inner) {
    bytes(out, field, inner->data, inner->size);
    free(inner->data);
    *inner = (struct so_bytes){0};
}

/* ---- a graph ---- */

struct graph {
    const struct so_onnx_form *form;
    struct so_bytes nodes, initializers; /* fields 1 and 5, tags included */
    unsigned anonymous;                  /* names given to matrices */
};

static void entry(struct so_bytes *tensor, const char *key, const char *value) {
    struct so_bytes out = {0};
    text(&out, 1, key);
    text(&out, 2, value);
    message(tensor, 13, &out);
}

/** Values into the message, or into the file outside. */
static void add_values(struct graph *g, struct so_bytes *tensor, const struct so_bytes *values) {
    const struct so_onnx_form *form = g->form;
    if (!form->outside) {
        bytes(tensor, 9, values->data, values->size);
        return;
    }
    char digits[32];
    entry(tensor, "location", form->outside);
    snprintf(digits, sizeof digits, "%zu", form->contents->size);
    entry(tensor, "offset", digits);
    snprintf(digits, sizeof digits, "%zu", values->size);
    entry(tensor, "length", digits);
    number(tensor, 14, 1);
    so_bytes_add(form->contents, values->data, values->size);
}

static void add_initializer(struct graph *g, const char *name, uint32_t rank, const uint32_t *shape,
                            const struct so_bytes *values) {
    static const unsigned types[] = {1, 10, 16};
    struct so_bytes tensor = {0};
    for (uint32_t i = 0; i < rank; i++) number(&tensor, 1, shape[i]);
    number(&tensor, 2, types[g->form->type]);
    text(&tensor, 8, name);
    add_values(g, &tensor, values);
    message(&g->initializers, 5, &tensor);
}

static void add_node(struct graph *g, const char *operation, const char *name, const char *first,
                     const char *second, const char *third) {
    struct so_bytes node = {0};
    char output[224];
    snprintf(output, sizeof output, "%s_output_0", name);
    text(&node, 1, first);
    if (second) text(&node, 1, second);
    if (third) text(&node, 1, third);
    text(&node, 2, output);
    text(&node, 3, name);
    text(&node, 4, operation);
    message(&g->nodes, 1, &node);
}

/** A module's parameter as the exporter names it: the encoder is exported alone, the decoder with the model.
 */
static const char *inside(const char *module) {
    return strncmp(module, "model.encoder.", 14) ? module : module + 14;
}

static void parameter_name(const struct graph *g, const char *module, const char *suffix, char out[160]) {
    snprintf(out, 160, "%.140s%.8s%s", inside(module), suffix, g->form->merged ? "_merged_0" : "");
}

/** "/layers.0/fc1/MatMul": dots are slashes but before a number. */
static void node_name(const char *module, const char *operation, char out[200]) {
    int n = snprintf(out, 200, "/%.150s/%.20s", inside(module), operation);
    assert_true(n > 0 && n < 200);
    const size_t length = (size_t)n - strlen(operation);
    for (size_t i = 0; i < length; i++)
        if (out[i] == '.' && (out[i + 1] < '0' || out[i + 1] > '9')) out[i] = '/';
}

static struct so_bytes values_of(const struct graph *g, const struct so_item *item, enum so_part part,
                                 uint32_t first, uint32_t n, uint32_t columns) {
    struct so_bytes out = {0};
    so_bytes_rows(&out, g->form->type, item, part, first, n, columns);
    return out;
}

/** [n][k] to [k][n]. */
static void turn(struct so_bytes *values, uint32_t n, uint32_t k) {
    const size_t size = values->size / n / k;
    uint8_t *turned = malloc(values->size);
    assert_non_null(turned);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            memcpy(turned + (j * n + i) * size, values->data + (i * k + j) * size, size);
    free(values->data);
    values->data = turned;
}

static void add_vector(struct graph *g, const struct so_item *item, const char *module, const char *suffix,
                       enum so_part part, uint32_t first, uint32_t n, const char *operation) {
    char name[160], node[200];
    struct so_bytes values = values_of(g, item, part, first, n, 1);
    parameter_name(g, module, suffix, name);
    add_initializer(g, name, 1, &n, &values);
    free(values.data);
    node_name(module, operation, node);
    add_node(g, strncmp(operation, "Add", 3) ? operation : "Add", node, name, "x", NULL);
}

static void add_linear(struct graph *g, const struct so_item *item, const char *module, uint32_t first,
                       uint32_t n, bool bias) {
    char name[160], node[200];
    const uint32_t shape[] = {item->k, n};
    struct so_bytes values = values_of(g, item, SO_PART_WEIGHT, first, n, item->k);
    turn(&values, n, item->k);
    snprintf(name, sizeof name, "onnx::MatMul_%u", 745 + g->anonymous++);
    add_initializer(g, name, 2, shape, &values);
    free(values.data);
    node_name(module, "MatMul", node);
    add_node(g, "MatMul", node, "x", name, NULL);
    if (bias) add_vector(g, item, module, ".bias", SO_PART_BIAS, first, n, "Add");
}

static void add_conv(struct graph *g, const struct so_item *item, const char *module) {
    char weight[160], bias[160], node[200];
    const uint32_t shape[] = {item->n, item->k / 3, 3};
    struct so_bytes values = values_of(g, item, SO_PART_WEIGHT, 0, item->n, item->k);
    parameter_name(g, module, ".weight", weight);
    add_initializer(g, weight, 3, shape, &values);
    free(values.data);
    values = values_of(g, item, SO_PART_BIAS, 0, item->n, 1);
    parameter_name(g, module, ".bias", bias);
    add_initializer(g, bias, 1, &item->n, &values);
    free(values.data);
    node_name(module, "Conv", node);
    add_node(g, "Conv", node, "x", weight, bias);
}

static void add_table(struct graph *g, const struct so_item *item, const char *module) {
    char name[160], node[200];
    const uint32_t shape[] = {item->n, item->k};
    const bool added = !g->form->decoder;
    struct so_bytes values = values_of(g, item, SO_PART_WEIGHT, 0, item->n, item->k);
    parameter_name(g, module, ".weight", name);
    add_initializer(g, name, 2, shape, &values);
    free(values.data);
    node_name(module, "Gather", node);
    if (added)
        add_node(g, "Add", "/Add_2", "x", name, NULL);
    else
        add_node(g, "Gather", node, name, "x", NULL);
    if (strcmp(item->name, "decoder.embedding")) return;
    if (g->form->projection == SO_PROJECTION_TIED) {
        add_node(g, "Transpose", "/proj_out/Transpose", name, NULL, NULL);
        add_node(g, "MatMul", "/proj_out/MatMul", "x", "/proj_out/Transpose_output_0", NULL);
    } else {
        const uint32_t turned[] = {item->k, item->n};
        values = values_of(g, item, SO_PART_WEIGHT, 0, item->n, item->k);
        turn(&values, item->n, item->k);
        if (g->form->projection == SO_PROJECTION_OTHER)
            memmove(values.data, values.data + 2, values.size - 2);
        add_initializer(g, "onnx::MatMul_1681", 2, turned, &values);
        free(values.data);
        add_node(g, "MatMul", "/proj_out/MatMul", "x", "onnx::MatMul_1681", NULL);
    }
}

static void add_item(struct graph *g, const struct so_item *item, const char *names) {
    uint32_t blocks = 1;
    char module[160];
    for (const char *c = names; *c; c++) blocks += *c == '|';
    for (uint32_t block = 0; block < blocks; block++) {
        const size_t length = strcspn(names, "|");
        const uint32_t n = item->n / blocks;
        snprintf(module, sizeof module, "%.*s", (int)length, names);
        names += length + 1;
        if (item->kind == SO_ITEM_NORM) {
            add_vector(g, item, module, ".weight", SO_PART_GAMMA, 0, n, "Mul");
            add_vector(g, item, module, ".bias", SO_PART_BETA, 0, n, "Add_1");
        } else if (item->kind == SO_ITEM_CONV) {
            add_conv(g, item, module);
        } else if (item->kind == SO_ITEM_TABLE || !item->has_bias) {
            add_table(g, item, module);
        } else {
            add_linear(g, item, module, block * n, n, !(blocks > 1 && block == blocks - 2));
        }
    }
}

struct so_bytes so_make_onnx(const struct so_onnx_form *form, struct so_marks *marks) {
    struct graph g = {.form = form};
    struct so_bytes out = {0}, graph = {0}, operators = {0};
    struct so_item item;
    const char *names;
    for (size_t i = 0; (names = so_coarse_module(i, false, &item)); i++)
        if (!strncmp(item.name, "decoder", 7) == form->decoder) add_item(&g, &item, names);
    if (form->merged) {
        struct so_bytes branch = {0}, node = {0};
        text(&branch, 1, "else_branch");
        message(&branch, 6, &g.nodes);
        text(&node, 1, "use_cache_branch");
        text(&node, 3, "optimum::if");
        text(&node, 4, "If");
        message(&node, 5, &branch);
        message(&g.nodes, 1, &node);
    }
    so_bytes_add(&graph, g.nodes.data, g.nodes.size);
    text(&graph, 2, "main_graph");
    so_bytes_add(&graph, g.initializers.data, g.initializers.size);
    free(g.nodes.data);
    free(g.initializers.data);
    number(&out, 1, 7);
    so_bytes_mark(marks, out.size);
    text(&out, 2, "pytorch");
    so_bytes_mark(marks, out.size);
    message(&out, 7, &graph);
    so_bytes_mark(marks, out.size);
    number(&operators, 2, 14);
    message(&out, 8, &operators);
    return out;
}
