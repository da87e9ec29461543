//go:build whisper

#include "shim.h"

#include <parakeet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <whisper.h>

// A failed load writes a handful of lines. A full ring drops the oldest line: the newest say what went wrong last.
enum { RING_LINES = 32, RING_LINE_BYTES = 256 };

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; // guards all below
static struct {
    int  level;
    char text[RING_LINE_BYTES];
} ring[RING_LINES];
static int first, kept, lost;

// Lines below warnings are not kept: the voice detector writes several per call, and debug lines contain prompts, which
// are what people said.
static void keep_line(enum ggml_log_level level, const char *text, void *unused) {
    (void)unused;
    if (level != GGML_LOG_LEVEL_WARN && level != GGML_LOG_LEVEL_ERROR) {
        return;
    }
    pthread_mutex_lock(&mu);
    if (kept == RING_LINES) {
        first = (first + 1) % RING_LINES;
        kept--;
        lost++;
    }
    int at = (first + kept) % RING_LINES;
    ring[at].level = level == GGML_LOG_LEVEL_ERROR ? WL_ERROR : WL_WARN;
    snprintf(ring[at].text, RING_LINE_BYTES, "%s", text);
    kept++;
    pthread_mutex_unlock(&mu);
}

void wl_install(void) {
    whisper_log_set(keep_line, NULL);
    parakeet_log_set(keep_line, NULL);
}

int wl_next(char *line, int cap) {
    int level = 0;
    pthread_mutex_lock(&mu);
    if (kept > 0) {
        level = ring[first].level;
        snprintf(line, cap, "%s", ring[first].text);
        first = (first + 1) % RING_LINES;
        kept--;
    }
    pthread_mutex_unlock(&mu);
    return level;
}

int wl_lost(void) {
    pthread_mutex_lock(&mu);
    int n = lost;
    lost = 0;
    pthread_mutex_unlock(&mu);
    return n;
}
