//go:build whisper

// This file is C++ for one reason: the library throws exceptions on damaged models and when memory ends, and an exception
// that leaves it through C or Go frames kills the process. Each function below that can meet one catches all.

#include "shim.h"

#include <atomic>
#include <new>
#include <parakeet.h>

struct px_recognizer {
    parakeet_context *model;
    parakeet_state *state; // NULL after a failure that may have left half of it; made anew by the next call
    std::atomic<bool> cancelled{false};
    bool encoding; // the library has come to the encoder in the running decode
};

static bool is_cancelled(void *r) {
    return static_cast<px_recognizer *>(r)->cancelled.load(std::memory_order_relaxed);
}

// may_encode is asked between the spectrum and the encoder. False ends the decode.
static bool may_encode(parakeet_context *, parakeet_state *, void *r) {
    static_cast<px_recognizer *>(r)->encoding = true;
    return !is_cancelled(r);
}

parakeet_context *px_load(const char *path, int use_gpu) {
    try {
        parakeet_context_params params = parakeet_context_default_params();
        params.use_gpu = use_gpu != 0;
        return parakeet_init_from_file_with_params_no_state(path, params);
    } catch (...) {
        return nullptr;
    }
}

void px_unload(parakeet_context *model) {
    parakeet_free(model);
}

static bool make_state(px_recognizer *r) {
    if (r->state == nullptr) {
        r->state = parakeet_init_state(r->model);
    }
    return r->state != nullptr;
}

static void drop_state(px_recognizer *r) {
    parakeet_free_state(r->state);
    r->state = nullptr;
}

px_recognizer *px_new(parakeet_context *model) {
    px_recognizer *r = nullptr;
    try {
        r = new px_recognizer;
        r->model = model;
        r->state = nullptr;
        r->encoding = false;
        if (make_state(r)) {
            return r;
        }
    } catch (...) {
    }
    delete r;
    return nullptr;
}

void px_free(px_recognizer *r) {
    if (r == nullptr) {
        return;
    }
    parakeet_free_state(r->state);
    delete r;
}

void px_arm(px_recognizer *r) {
    r->cancelled.store(false, std::memory_order_relaxed);
}

void px_cancel(px_recognizer *r) {
    r->cancelled.store(true, std::memory_order_relaxed);
}

static parakeet_full_params decode_params(px_recognizer *r, int threads) {
    parakeet_full_params p = parakeet_full_default_params(PARAKEET_SAMPLING_GREEDY);
    p.n_threads = threads;
    p.no_context = true; // a recogniser serves many speakers: nothing of one call may reach the next
    p.encoder_begin_callback = may_encode;
    p.encoder_begin_callback_user_data = r;
    p.abort_callback = is_cancelled;
    p.abort_callback_user_data = r;
    return p;
}

// copy_tokens writes the tokens of the last decode into the caller's arrays.
static int copy_tokens(px_recognizer *r, px_token *tokens, int cap_tokens, int *n_tokens, char *text, int cap_text) {
    int n = 0, at = 0;
    for (int s = 0; s < parakeet_full_n_segments_from_state(r->state); s++) {
        for (int t = 0; t < parakeet_full_n_tokens_from_state(r->state, s); t++) {
            const parakeet_token_data token = parakeet_full_get_token_data_from_state(r->state, s, t);
            // The library writes a zero behind the bytes, cuts them to the room there is, and returns what it would need.
            const int length =
                parakeet_token_to_text(parakeet_token_to_str(r->model, token.id), false, text + at, cap_text - at);
            if (length == 0) {
                continue;
            }
            if (n == cap_tokens || length >= cap_text - at) {
                return PX_SPACE;
            }
            tokens[n++] = px_token{at, length, token.p, token.t0, token.t1}; // plog is the raw logit
            at += length;
        }
    }
    *n_tokens = n;
    return PX_OK;
}

int px_decode(px_recognizer *r, const float *pcm, int n_pcm, int threads, px_token *tokens, int cap_tokens, int *n_tokens,
              char *text, int cap_text) {
    try {
        if (is_cancelled(r)) {
            return PX_CANCELLED;
        }
        if (!make_state(r)) {
            return PX_FAILED;
        }
        r->encoding = false;
        const int status = parakeet_full_with_state(r->model, r->state, decode_params(r, threads), pcm, n_pcm);
        const bool cancelled = is_cancelled(r);
        if (status != 0 && !(cancelled && r->encoding)) {
            // Without memory for its graph the library leaves a state that the next call would trip over.
            drop_state(r);
        }
        if (cancelled) {
            return PX_CANCELLED;
        }
        if (status != 0) {
            return PX_FAILED;
        }
        return copy_tokens(r, tokens, cap_tokens, n_tokens, text, cap_text);
    } catch (...) {
        drop_state(r);
        return PX_EXCEPTION;
    }
}
