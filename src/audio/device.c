#include "audio/device.h"

#include <dlfcn.h>
#include <stdio.h>

#include <libavformat/version.h>

/*
 * libavdevice depends on some hundred libraries of desktops, which every start of a program would load: so it
 * is opened only when a microphone is. Its number is that of the libavformat it registers its devices with.
 */
sotto_status so_devices_register(sotto_error *err) {
    char name[64];
    snprintf(name, sizeof name, "libavdevice.so.%d", LIBAVFORMAT_VERSION_MAJOR);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, "avdevice_register_all") : NULL;
    if (!found)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                       "microphones need FFmpeg's %s, which is not installed (libavdevice)", name);
    /* The library stays: its devices are in libavformat's list from now on. ISO C has no other way from an
     * object to a function. */
    void (*call)(void);
    *(void **)&call = found;
    call();
    return SOTTO_OK;
}
