// Voice detection with whisper.cpp, window by window. A detector has weights and memory of its own and shares nothing: it
// may be used from any thread, by one at a time.
#ifndef SOUFFLEUR_VAD_SHIM_H
#define SOUFFLEUR_VAD_SHIM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wv_detector wv_detector;

enum { WV_WINDOW = 512 }; // samples at 16 kHz

// wv_load makes a detector from a model file, NULL if that fails; the library's log says why.
wv_detector *wv_load(const char *path);
void wv_free(wv_detector *d);

// wv_probability hears WV_WINDOW finite samples and moves the detector's memory. It returns a value from 0 to 1, or -1 if
// the library failed.
float wv_probability(wv_detector *d, const float *window);

// wv_reset forgets what was heard.
void wv_reset(wv_detector *d);

#ifdef __cplusplus
}
#endif

#endif
