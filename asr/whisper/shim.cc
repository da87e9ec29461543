//go:build whisper

// This file is C++ for one reason: the library throws exceptions on damaged models and when memory ends, and an exception
// that leaves it through C or Go frames kills the process. Each function below that can meet one catches all.

#include "shim.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <whisper.h>

struct wx_recognizer {
    whisper_context *model;
    whisper_state *state; // NULL after the library has freed it in an error path; made anew by the next call
    std::atomic<bool> cancelled{false};
    int speech_end; // of the running decode
};

static bool is_cancelled(void *r) {
    return static_cast<wx_recognizer *>(r)->cancelled.load(std::memory_order_relaxed);
}

whisper_context *wx_load(const char *path, int use_gpu) {
    try {
        whisper_context_params params = whisper_context_default_params();
        params.use_gpu = use_gpu != 0;
        // With flash attention the library pads keys and values to a multiple of 256 positions with zeros, and the decoder
        // attends to them: with any other audio_ctx it loses words and loops. Without, any audio_ctx that covers the speech
        // will do, and short speech costs little. A GPU computes the full context in no time.
        params.flash_attn = params.use_gpu;
        return whisper_init_from_file_with_params_no_state(path, params);
    } catch (...) {
        return nullptr;
    }
}

void wx_unload(whisper_context *model) {
    whisper_free(model);
}

static bool make_state(wx_recognizer *r) {
    if (r->state == nullptr) {
        r->state = whisper_init_state(r->model);
    }
    return r->state != nullptr;
}

wx_recognizer *wx_new(whisper_context *model) {
    try {
        wx_recognizer *r = new wx_recognizer;
        r->model = model;
        r->state = nullptr;
        if (!make_state(r)) {
            delete r;
            return nullptr;
        }
        return r;
    } catch (...) {
        return nullptr;
    }
}

void wx_free(wx_recognizer *r) {
    if (r == nullptr) {
        return;
    }
    whisper_free_state(r->state);
    delete r;
}

void wx_arm(wx_recognizer *r) {
    r->cancelled.store(false, std::memory_order_relaxed);
}

void wx_cancel(wx_recognizer *r) {
    r->cancelled.store(true, std::memory_order_relaxed);
}

// end_with_speech allows nothing but the end of the text behind a sentence whose closing timestamp lies at the end of the
// speech. A model whose encoder saw a short context often goes on there: it says the same sentence again, and again, and with
// growing certainty, so that a beam search prefers that.
static void end_with_speech(whisper_context *model, whisper_state *, const whisper_token_data *tokens, int n, float *logits,
                            void *recognizer) {
    const whisper_token eot = whisper_token_eot(model);
    const whisper_token begin = whisper_token_beg(model);
    if (n < 2 || tokens[n - 1].id < begin || tokens[n - 2].id >= eot ||
        2 * (tokens[n - 1].id - begin) < static_cast<wx_recognizer *>(recognizer)->speech_end) {
        return;
    }
    for (int i = 0, vocabulary = whisper_model_n_vocab(model); i < vocabulary; i++) {
        if (i != eot) {
            logits[i] = -INFINITY;
        }
    }
}

static whisper_full_params decode_params(wx_recognizer *r, const wx_params *in, const int32_t *prompt, int n_prompt) {
    whisper_full_params p =
        whisper_full_default_params(in->beams > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
    p.n_threads = in->threads;
    p.audio_ctx = in->audio_ctx;
    p.max_tokens = in->max_tokens;
    p.language = in->lang;
    p.single_segment = true;
    p.no_context = true; // a recogniser serves many speakers: nothing of one call may reach the next
    p.suppress_blank = true;
    p.suppress_nst = true;
    p.token_timestamps = true;
    p.temperature = 0.0f;
    p.temperature_inc = in->temperature_step;
    p.greedy.best_of = in->temperature_step > 0 ? 2 : 1;
    p.beam_search.beam_size = in->beams;
    p.prompt_tokens = n_prompt > 0 ? prompt : nullptr;
    p.prompt_n_tokens = n_prompt;
    p.print_progress = p.print_realtime = p.print_timestamps = p.print_special = false;
    p.logits_filter_callback = end_with_speech;
    p.logits_filter_callback_user_data = r;
    p.abort_callback = is_cancelled;
    p.abort_callback_user_data = r;
    return p;
}

// copy_tokens writes the text tokens of the last decode into the caller's arrays.
static int copy_tokens(wx_recognizer *r, wx_token *tokens, int cap_tokens, int *n_tokens, char *text, int cap_text,
                       int64_t *end) {
    const whisper_token eot = whisper_token_eot(r->model);   // all ids from here on are special
    const whisper_token begin = whisper_token_beg(r->model); // and from here on timestamps, of 20 ms
    *end = -1;
    int n = 0, at = 0;
    for (int s = 0; s < whisper_full_n_segments_from_state(r->state); s++) {
        for (int t = 0; t < whisper_full_n_tokens_from_state(r->state, s); t++) {
            const whisper_token_data token = whisper_full_get_token_data_from_state(r->state, s, t);
            if (token.id > begin) {
                *end = 2 * (token.id - begin);
            }
            if (token.id >= eot) {
                continue;
            }
            *end = -1; // of a sentence without a closing timestamp nobody knows
            const char *bytes = whisper_token_to_str(r->model, token.id);
            const int length = static_cast<int>(strlen(bytes));
            if (n == cap_tokens || length > cap_text - at) {
                return WX_SPACE;
            }
            memcpy(text + at, bytes, length);
            tokens[n++] = wx_token{at, length, token.plog, token.t0, token.t1};
            at += length;
        }
    }
    *n_tokens = n;
    return WX_OK;
}

int wx_decode(wx_recognizer *r, const float *pcm, int n_pcm, const wx_params *params, const int32_t *prompt, int n_prompt,
              wx_token *tokens, int cap_tokens, int *n_tokens, char *text, int cap_text, int64_t *end) {
    try {
        if (is_cancelled(r)) {
            return WX_CANCELLED;
        }
        if (!make_state(r)) {
            return WX_FAILED;
        }
        r->speech_end = params->speech_end;
        const int status =
            whisper_full_with_state(r->model, r->state, decode_params(r, params, prompt, n_prompt), pcm, n_pcm);
        if (status == -7) { // no memory for the beams: here, and only here, the library frees the state itself
            r->state = nullptr;
        }
        if (is_cancelled(r)) {
            return WX_CANCELLED;
        }
        if (status != 0) {
            return WX_FAILED;
        }
        return copy_tokens(r, tokens, cap_tokens, n_tokens, text, cap_text, end);
    } catch (...) {
        return WX_EXCEPTION;
    }
}

// set_audio_ctx sets how much the encoder computes in wx_detect. The library has no setter, and detection would use what
// the call before it left. A decode of 100 ms without samples stores the value and returns before it encodes.
static bool set_audio_ctx(wx_recognizer *r, int audio_ctx, int threads) {
    whisper_full_params p = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    p.n_threads = threads;
    p.audio_ctx = audio_ctx;
    p.duration_ms = 100;
    p.language = "en";
    p.no_context = true;
    p.greedy.best_of = 1;
    p.print_progress = p.print_realtime = p.print_timestamps = false;
    return whisper_full_with_state(r->model, r->state, p, nullptr, 0) == 0;
}

int wx_detect(wx_recognizer *r, const float *pcm, int n_pcm, int audio_ctx, int threads, float *probs, int cap_probs) {
    try {
        if (is_cancelled(r)) {
            return WX_CANCELLED;
        }
        if (!make_state(r) || cap_probs != whisper_lang_max_id() + 1 ||
            whisper_pcm_to_mel_with_state(r->model, r->state, pcm, n_pcm, threads) != 0 ||
            !set_audio_ctx(r, audio_ctx, threads) ||
            whisper_lang_auto_detect_with_state(r->model, r->state, 0, threads, probs) < 0) {
            return WX_FAILED;
        }
        return is_cancelled(r) ? WX_CANCELLED : WX_OK;
    } catch (...) {
        return WX_EXCEPTION;
    }
}
