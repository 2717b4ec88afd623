// CUDA's runtime library on a machine without a GPU: the host's memory is the device's, and nothing is asynchronous.
#include <stdlib.h>
#include <string.h>

static long live = 0;
static int devices = 1;
static size_t limit = (size_t)1 << 40;
static size_t used = 0;

static int take(void **out, size_t size) {
    if (used + size > limit) return 2;
    size_t *block = malloc(size + 64);
    block[0] = size;
    used += size;
    live += 1;
    *out = (char *)block + 64;
    return 0;
}

static int give(void *address) {
    size_t *block = (size_t *)((char *)address - 64);
    used -= block[0];
    live -= 1;
    free(block);
    return 0;
}

long fake_live(void) { return live; }
void fake_devices(int count) { devices = count; }
void fake_limit(size_t bytes) { limit = bytes; }

int cudaGetDeviceCount(int *count) { *count = devices; return devices ? 0 : 100; }
int cudaDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return device; }
int cudaMemGetInfo(size_t *free_bytes, size_t *total) { *total = limit; *free_bytes = limit - used; return 0; }
int cudaMalloc(void **out, size_t size) { return take(out, size); }
int cudaFree(void *address) { return give(address); }
int cudaHostAlloc(void **out, size_t size, unsigned flags) { return flags ? 1 : take(out, size); }
int cudaFreeHost(void *address) { return give(address); }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) { return flags == 1 ? take(stream, 8) : 1; }
int cudaStreamSynchronize(void *stream) { return stream == NULL; }
int cudaStreamDestroy(void *stream) { return give(stream); }
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
    if (stream == NULL || (kind != 1 && kind != 2)) return 1;
    memcpy(to, from, size);
    return 0;
}
const char *cudaGetErrorString(int code) { return code == 100 ? "no CUDA-capable device is detected" : "some error"; }
