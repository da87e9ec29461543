// The library's log, kept in a ring until Go asks for it: no Go code runs inside a callback of the library.
#ifndef SOUFFLEUR_WHISPERCPP_SHIM_H
#define SOUFFLEUR_WHISPERCPP_SHIM_H

// wl_install sends the log of whisper.cpp and ggml to the ring, from now on. Any thread, once.
void wl_install(void);

// wl_next copies the oldest kept line into line (cap bytes, always ended by a zero) and forgets it. It returns the line's
// level, WL_WARN or WL_ERROR, or 0 if no line is kept. Any thread.
int wl_next(char *line, int cap);

// wl_lost returns how many lines were overwritten since the last call. Any thread.
int wl_lost(void);

enum { WL_WARN = 1, WL_ERROR = 2 };

#endif
