// no_sync: loaded before a program's libraries, makes every sync do nothing: the mistake that a test of
// power cuts has to find.
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int fsync(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : 0; }
int fdatasync(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : 0; }
int sync_file_range(int fd, off_t offset, off_t bytes, unsigned int flags) {
    (void)offset, (void)bytes, (void)flags;
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}
