// Decoding with whisper.cpp's Parakeet engine, without any Go code inside: parameters are built here from the library's
// defaults, a cancel is a flag that the library polls, results are copied into the caller's arrays. Go checks every size
// before it calls, and the model file before it is loaded.
//
// Owner: a model outlives its recognisers. Threads: a model is read-only and may be used from any thread; a recogniser is
// used by one thread at a time, except px_cancel, which any thread may call while the recogniser lives.
#ifndef SOUFFLEUR_ASR_PARAKEET_SHIM_H
#define SOUFFLEUR_ASR_PARAKEET_SHIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct parakeet_context;
typedef struct px_recognizer px_recognizer;

enum {
    PX_OK = 0,
    PX_CANCELLED = 1, // px_cancel was called
    PX_SPACE = 2,     // the result does not fit the caller's arrays
    PX_FAILED = 3,    // the library returned an error; its log says why
    PX_EXCEPTION = 4, // the library threw an exception
};

// px_load reads a model file. It returns NULL if that fails; the library's log says why.
struct parakeet_context *px_load(const char *path, int use_gpu);
void px_unload(struct parakeet_context *model);

// px_new makes a recogniser of model, NULL if memory does not suffice.
px_recognizer *px_new(struct parakeet_context *model);
void px_free(px_recognizer *r);

// px_arm forgets an earlier cancel. px_cancel ends the running call, or the next, with PX_CANCELLED: before the encoder pass,
// behind it, or at the next token.
void px_arm(px_recognizer *r);
void px_cancel(px_recognizer *r);

typedef struct {
    int32_t text_at, text_len; // bytes in the text array
    float p;                   // probability of the token among all tokens, 0 to 1; not a number if the logits overflowed
    int64_t t0, t1;            // units of 10 ms from the first sample
} px_token;

// px_decode recognises n_pcm samples (16 kHz mono, 3200 to 480000 of them, finite) with so many threads (1 or more). It writes
// the tokens and their bytes; a token that begins a word has a space in front. Special tokens that have no text are left out.
int px_decode(px_recognizer *r, const float *pcm, int n_pcm, int threads, px_token *tokens, int cap_tokens, int *n_tokens,
              char *text, int cap_text);

#ifdef __cplusplus
}
#endif

#endif
