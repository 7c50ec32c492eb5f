#include "output/units.h"

#include <string.h>

#include "model/script.h"
#include "model/utf8.h"
#include "util/memory.h"
#include "util/text.h"

static size_t width_of(const char *text, size_t length) {
    size_t width = 0;
    for (size_t size; length > 0; text += size, length -= size) width += so_char_is_wide(so_utf8_get(text, length, &size)) ? 2 : 1;
    return width;
}

static bool among(uint32_t code, const char *set) {
    for (size_t left = strlen(set), size; left > 0; set += size, left -= size)
        if (so_utf8_get(set, left, &size) == code) return true;
    return false;
}

static const char sentence_marks[] = ".!?\u2026\u3002\uff01\uff1f\u0964\u061f\u06d4", clause_marks[] = ",;:\u2013\u2014\u3001\uff0c\uff1b\uff1a\u060c",
                  closers[] = "\"')]}\u201d\u2019\u00bb\u300d\u300f\uff09\u3011\u300b", openers[] = "([{\u201c\u2018\u00ab\u00bf\u00a1\u300c\u300e\uff08\u3010\u300a";

/** The last character that is no closing quote or bracket says how the text ends. */
static enum so_unit_end ending(const char *text, size_t length) {
    uint32_t last = 0;
    for (size_t size; length > 0; text += size, length -= size) {
        uint32_t code = so_utf8_get(text, length, &size);
        if (!among(code, closers)) last = code;
    }
    return among(last, sentence_marks) ? SO_UNIT_SENTENCE : among(last, clause_marks) ? SO_UNIT_CLAUSE : SO_UNIT_PLAIN;
}

/** Whether a line may end between two characters without a space between them. */
static bool may_part(uint32_t before, uint32_t after) {
    if (among(after, sentence_marks) || among(after, clause_marks) || among(after, closers) || among(before, openers)) return false;
    return so_char_is_unspaced(before) || so_char_is_unspaced(after);
}

static bool is_space(const char *text, size_t size) { return so_text_trim(text, size).length == 0; }

/** Where the unit that begins at text[from] ends. */
static size_t unit_end(const char *text, size_t length, size_t from) {
    size_t size, at = from;
    uint32_t before = so_utf8_get(text + at, length - at, &size);
    for (at += size; at < length; at += size) {
        uint32_t code = so_utf8_get(text + at, length - at, &size);
        if (is_space(text + at, size) || may_part(before, code)) break;
        before = code;
    }
    return at;
}

static bool from_text(const sotto_segment *segment, struct so_arena *arena, struct so_unit **units, size_t *n) {
    const char *text = segment->text;
    size_t length = strlen(text), total = 0, size;
    struct so_unit *all = so_arena_alloc(arena, length + 1, sizeof *all);
    if (!all) return false;
    for (size_t at = 0; at < length;) {
        so_utf8_get(text + at, length - at, &size);
        if (is_space(text + at, size)) {
            at += size;
            continue;
        }
        size_t end = unit_end(text, length, at);
        bool space = *n == 0 || all[*n - 1].text + all[*n - 1].length != text + at;
        all[(*n)++] = (struct so_unit){.text = text + at, .length = end - at, .width = width_of(text + at, end - at), .space = space};
        total += all[*n - 1].width;
        at = end;
    }
    double seconds = segment->end - segment->start, before = 0;
    for (size_t i = 0; i < *n; i++) {
        all[i].start = segment->start + seconds * before / (double)total;
        before += (double)all[i].width;
        all[i].end = segment->start + seconds * before / (double)total;
    }
    *units = all;
    return true;
}

/** The first (or last) character of a text. */
static uint32_t edge(const struct so_text *text, bool last) {
    uint32_t code = 0;
    size_t size;
    for (size_t at = 0; at < text->length; at += size) {
        code = so_utf8_get(text->bytes + at, text->length - at, &size);
        if (!last) break;
    }
    return code;
}

/** Words between which no line may end become one unit; their texts are copied side by side. */
static bool from_words(const sotto_segment *segment, struct so_arena *arena, struct so_unit **units, size_t *n) {
    size_t length = 0;
    for (size_t i = 0; i < segment->n_words; i++) length += strlen(segment->words[i].text);
    struct so_unit *all = so_arena_alloc(arena, segment->n_words + 1, sizeof *all);
    char *copy = so_arena_alloc(arena, length + 1, 1), *to = copy;
    if (!all || !copy) return false;
    bool space = true;
    uint32_t before = 0;
    for (size_t i = 0; i < segment->n_words; i++) {
        const sotto_word *word = &segment->words[i];
        size_t whole = strlen(word->text);
        struct so_text text = so_text_trim(word->text, whole);
        if (text.bytes > word->text) space = true;
        if (text.length == 0) {
            space = space || whole > 0;
            continue;
        }
        if (*n == 0 || space || may_part(before, edge(&text, false)))
            all[(*n)++] = (struct so_unit){.text = to, .space = space, .start = word->start};
        struct so_unit *unit = &all[*n - 1];
        memcpy(to, text.bytes, text.length);
        to += text.length;
        unit->length += text.length;
        unit->end = word->end;
        before = edge(&text, true);
        space = text.bytes + text.length < word->text + whole;
    }
    for (size_t i = 0; i < *n; i++) all[i].width = width_of(all[i].text, all[i].length);
    *units = all;
    return true;
}

bool so_units_make(const sotto_segment *segment, struct so_arena *arena, struct so_unit **units, size_t *n) {
    *n = 0;
    bool made = segment->n_words ? from_words(segment, arena, units, n) : from_text(segment, arena, units, n);
    for (size_t i = 0; made && i < *n; i++) (*units)[i].ends = ending((*units)[i].text, (*units)[i].length);
    return made;
}
