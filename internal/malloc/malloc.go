//go:build cgo && linux

// Package malloc says how much memory C code holds, which Go's own counts do not see. Tests of the shims use it to find leaks.
package malloc

/*
#include <malloc.h>
#include <stddef.h>

// glibc has mallinfo2 since 2.33; other libraries have nothing like it.
static size_t in_use(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#else
    return 0;
#endif
}
*/
import "C"

// InUse returns the bytes that C code has allocated and not freed, over all arenas and mappings of glibc. What malloc caches for
// each thread counts, too, unless GLIBC_TUNABLES=glibc.malloc.tcache_count=0. 0: not known here, as with another C library or
// under the address sanitizer.
func InUse() int { return int(C.in_use()) }
