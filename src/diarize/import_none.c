#include "diarize/network.h"

bool so_speakers_recognise(const char *source) {
    (void)source;
    return false;
}

sotto_status so_speakers_import(const char *source, const char *destination, enum so_precision precision,
                                sotto_error *err) {
    (void)destination;
    (void)precision;
    return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                   "%s: this build cannot import speaker models (it was made without jansson)", source);
}
