// volatile_disk: a file "disk" in a FUSE mount that behaves as a disk with a volatile write cache.
//
// usage: volatile_disk BACKING MOUNTPOINT [keep]
//
// A write is answered as soon as it is in memory; a flush (fsync of the file) moves all that is there to
// BACKING. SIGUSR1 cuts the power: what was not flushed is lost; with "keep", each write request is kept or
// lost by a coin, as disks reorder. From then on every call is EIO. A request is never torn.
//
// Owns: the cache. Must not know: what file system lies on it.
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kSector = 512 };
static const char kName[] = "/disk";

struct sector {
    uint64_t request;  // of the newest write to it
    char bytes[kSector];
};

static int backing;
static uint64_t size, sectors, requests, flushes;
static struct sector **cache;                // by number; null: as in the backing file
static uint64_t *cached, cached_count;       // their numbers
static bool keep_some, cut;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// A coin for each request, the same for all of its sectors.
static bool heads(uint64_t request, uint64_t salt) {
    uint64_t x = request * 0x9e3779b97f4a7c15U + salt;
    x = (x ^ (x >> 31)) * 0xbf58476d1ce4e5b9U;
    return (x >> 40) & 1;
}

static void empty_cache(bool power_cut) {
    const uint64_t salt = requests ^ (uint64_t)getpid() << 32;
    uint64_t lost = 0;
    for (uint64_t i = 0; i < cached_count; ++i) {
        const uint64_t number = cached[i];
        struct sector *one = cache[number];
        if (power_cut && !(keep_some && heads(one->request, salt)))
            ++lost;
        else if (pwrite(backing, one->bytes, kSector, (off_t)(number * kSector)) != kSector)
            abort();
        free(one);
        cache[number] = NULL;
    }
    if (power_cut)
        fprintf(stderr, "cut after %lu writes and %lu flushes: %lu of %lu sectors lost\n", requests, flushes,
                lost, cached_count);
    cached_count = 0;
}

static void *wait_for_the_cut(void *set) {
    int signal;
    sigwait(set, &signal);
    pthread_mutex_lock(&lock);
    empty_cache(true);
    cut = true;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static int get_attributes(const char *path, struct stat *out, struct fuse_file_info *file) {
    (void)file;
    memset(out, 0, sizeof *out);
    const bool root = strcmp(path, "/") == 0;
    if (!root && strcmp(path, kName) != 0) return -ENOENT;
    out->st_mode = root ? S_IFDIR | 0755 : S_IFREG | 0600;
    out->st_nlink = root ? 2 : 1;
    out->st_size = root ? 0 : (off_t)size;
    return 0;
}

static int open_disk(const char *path, struct fuse_file_info *file) {
    if (strcmp(path, kName) != 0) return -ENOENT;
    file->direct_io = 1;  // the kernel keeps nothing of it
    return 0;
}

static int read_disk(const char *path, char *out, size_t count, off_t offset, struct fuse_file_info *file) {
    (void)path, (void)file;
    if ((uint64_t)offset >= size) return 0;
    if (offset + count > size) count = size - (uint64_t)offset;
    pthread_mutex_lock(&lock);
    bool good = !cut && pread(backing, out, count, offset) == (ssize_t)count;
    const uint64_t end = (uint64_t)offset + count;
    for (uint64_t at = (uint64_t)offset; good && at < end;) {
        const uint64_t number = at / kSector, inside = at % kSector;
        uint64_t part = kSector - inside;
        if (part > end - at) part = end - at;
        if (cache[number]) memcpy(out + (at - (uint64_t)offset), cache[number]->bytes + inside, part);
        at += part;
    }
    pthread_mutex_unlock(&lock);
    return good ? (int)count : -EIO;
}

static int write_disk(const char *path, const char *bytes, size_t count, off_t offset,
                      struct fuse_file_info *file) {
    (void)path, (void)file;
    if ((uint64_t)offset % kSector || count % kSector || (uint64_t)offset + count > size) return -EINVAL;
    pthread_mutex_lock(&lock);
    const bool dead = cut;
    if (!dead) ++requests;
    for (size_t done = 0; !dead && done < count; done += kSector) {
        const uint64_t number = ((uint64_t)offset + done) / kSector;
        if (!cache[number]) {
            cache[number] = malloc(sizeof(struct sector));
            if (!cache[number]) abort();
            cached[cached_count++] = number;
        }
        cache[number]->request = requests;
        memcpy(cache[number]->bytes, bytes + done, kSector);
    }
    pthread_mutex_unlock(&lock);
    return dead ? -EIO : (int)count;
}

static int flush_disk(const char *path, int data_only, struct fuse_file_info *file) {
    (void)path, (void)data_only, (void)file;
    pthread_mutex_lock(&lock);
    const bool dead = cut;
    if (!dead) {
        ++flushes;
        empty_cache(false);
    }
    pthread_mutex_unlock(&lock);
    return dead ? -EIO : 0;
}

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config) {
    (void)connection;
    config->direct_io = 1;
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_the_cut, &set) != 0) abort();
    return NULL;
}

int main(int count, char **words) {
    if (count < 3) {
        fprintf(stderr, "usage: volatile_disk BACKING MOUNTPOINT [keep]\n");
        return 2;
    }
    keep_some = count > 3 && strcmp(words[3], "keep") == 0;
    struct stat found;
    backing = open(words[1], O_RDWR);
    if (backing < 0 || fstat(backing, &found) != 0) {
        perror(words[1]);
        return 1;
    }
    size = (uint64_t)found.st_size;
    sectors = size / kSector;
    cache = calloc(sectors, sizeof *cache);
    cached = calloc(sectors, sizeof *cached);
    if (!cache || !cached) return 1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    const struct fuse_operations operations = {.getattr = get_attributes,
                                               .open = open_disk,
                                               .read = read_disk,
                                               .write = write_disk,
                                               .fsync = flush_disk,
                                               .init = begin};
    char *fuse_words[] = {words[0], words[2], "-f", NULL};
    return fuse_main(3, fuse_words, &operations, NULL);
}
