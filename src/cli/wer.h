/** Word error rate: edits of words over words of the reference; case and punctuation do not count. */
#ifndef SO_CLI_WER_H
#define SO_CLI_WER_H

/** In percent; 0 for two empty texts, negative if memory runs out. */
double so_word_error_rate(const char *reference, const char *text);

#endif
