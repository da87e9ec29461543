//go:build whisper

// This file is C++ to catch the library's exceptions, which would kill the process if they left it through Go frames.

#include "shim.h"

#include <whisper.h>

static whisper_vad_context *context_of(wv_detector *d) {
    return reinterpret_cast<whisper_vad_context *>(d);
}

wv_detector *wv_load(const char *path) {
    try {
        whisper_vad_context_params params = whisper_vad_default_context_params();
        params.n_threads = 1;
        params.use_gpu = false;
        whisper_vad_context *context = whisper_vad_init_from_file_with_params(path, params);
        if (context != nullptr) {
            whisper_vad_reset_state(context); // 1.9.1 leaves the memory of a new context as malloc gave it
        }
        return reinterpret_cast<wv_detector *>(context);
    } catch (...) {
        return nullptr;
    }
}

void wv_free(wv_detector *d) {
    whisper_vad_free(context_of(d));
}

float wv_probability(wv_detector *d, const float *window) {
    try {
        if (!whisper_vad_detect_speech_no_reset(context_of(d), window, WV_WINDOW) ||
            whisper_vad_n_probs(context_of(d)) != 1) { // another window size than this shim's
            return -1;
        }
        return whisper_vad_probs(context_of(d))[0];
    } catch (...) {
        return -1;
    }
}

void wv_reset(wv_detector *d) {
    whisper_vad_reset_state(context_of(d));
}
