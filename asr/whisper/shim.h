// Decoding with whisper.cpp, without any Go code inside: parameters are built here from the library's defaults, a cancel is
// a flag that the library polls, results are copied into the caller's arrays. Go checks every size before it calls.
//
// Owner: a model outlives its recognisers. Threads: a model is read-only and may be used from any thread; a recogniser is
// used by one thread at a time, except wx_cancel, which any thread may call while the recogniser lives.
#ifndef SOUFFLEUR_ASR_WHISPER_SHIM_H
#define SOUFFLEUR_ASR_WHISPER_SHIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct whisper_context;
typedef struct wx_recognizer wx_recognizer;

enum {
    WX_OK = 0,
    WX_CANCELLED = 1, // wx_cancel was called
    WX_SPACE = 2,     // the result does not fit the caller's arrays
    WX_FAILED = 3,    // the library returned an error; its log says why
    WX_EXCEPTION = 4, // the library threw an exception
};

// wx_load reads a model file. It returns NULL if that fails; the library's log says why.
struct whisper_context *wx_load(const char *path, int use_gpu);
void wx_unload(struct whisper_context *model);

// wx_new makes a recogniser of model, NULL if memory does not suffice.
wx_recognizer *wx_new(struct whisper_context *model);
void wx_free(wx_recognizer *r);

// wx_arm forgets an earlier cancel. wx_cancel ends the running call, or the next, with WX_CANCELLED, at the latest after
// the encoder pass that is under way.
void wx_arm(wx_recognizer *r);
void wx_cancel(wx_recognizer *r);

typedef struct {
    const char *lang;       // a language that the library knows; copied
    int threads;            // 1 or more
    int audio_ctx;          // encoder positions of 20 ms to compute, 1 to 1500, at least n_pcm / 320
    int max_tokens;         // 0: no limit
    int speech_end;         // units of 10 ms from the first sample: after it a sentence may end, but none begin
    int beams;              // 1: greedy
    float temperature_step; // 0: one attempt; else attempts at 0, step, 2 step ... up to 1
} wx_params;

typedef struct {
    int32_t text_at, text_len; // bytes in the text array
    float log_p;               // natural log of the token's probability
    int64_t t0, t1;            // units of 10 ms from the first sample; -1 if unknown
} wx_token;

// wx_decode recognises n_pcm samples (16 kHz mono, 16000 to 480000 of them, finite). prompt holds n_prompt token ids, which
// may be NULL for 0. It writes the text tokens (no timestamps or other special tokens) and their bytes, which need not be
// whole UTF-8 characters token by token. end is the timestamp that the model wrote behind the text, in units of 10 ms: how far
// it thinks it heard; -1 if it wrote none there. The audio is encoded once, whatever the model says about where to go on.
int wx_decode(wx_recognizer *r, const float *pcm, int n_pcm, const wx_params *params, const int32_t *prompt, int n_prompt,
              wx_token *tokens, int cap_tokens, int *n_tokens, char *text, int cap_text, int64_t *end);

// wx_detect writes the probability of every language, by the library's language id, into probs. cap_probs is the number
// of languages. pcm and audio_ctx as in wx_decode.
int wx_detect(wx_recognizer *r, const float *pcm, int n_pcm, int audio_ctx, int threads, float *probs, int cap_probs);

#ifdef __cplusplus
}
#endif

#endif
