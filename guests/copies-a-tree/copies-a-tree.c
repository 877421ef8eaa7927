/*
 * Copies the folder of its first argument to its second: files through stdio under a name for drafts that is then changed, symbolic links as links.
 * Reads back what it wrote, and fails by name at the first thing that is not as POSIX has it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static unsigned long files, folders, links, bytes;

static void fail(const char *what, const char *path) {
  fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static void expect(int holds, const char *what, const char *path) {
  if (holds) return;
  fprintf(stderr, "%s: %s\n", path, what);
  exit(2);
}

static void join(char *into, const char *folder, const char *name, const char *ending) {
  int length = snprintf(into, PATH_MAX, "%s/%s%s", folder, name, ending);
  expect(length > 0 && length < PATH_MAX, "its path is too long", name);
}

static void copy_file(const char *from, const char *folder, const char *name) {
  static char draft[PATH_MAX], to[PATH_MAX], buffer[16384];
  join(draft, folder, name, ".draft");
  join(to, folder, name, "");

  FILE *in = fopen(from, "rb");
  if (!in) fail("open", from);
  FILE *out = fopen(draft, "wbx");
  if (!out) fail("create", draft);
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, in)) > 0; bytes += got)
    if (fwrite(buffer, 1, got, out) != got) fail("write", draft);
  if (ferror(in)) fail("read", from);
  if (fflush(out) != 0 || fsync(fileno(out)) != 0) fail("sync", draft);

  struct stat before, after;
  if (fstat(fileno(in), &before) != 0) fail("stat", from);
  struct timespec times[2] = {before.st_atim, before.st_mtim};
  if (futimens(fileno(out), times) != 0) fail("set times of", draft);
  if (fclose(in) != 0 || fclose(out) != 0) fail("close", draft);

  if (rename(draft, to) != 0) fail("rename", draft);
  expect(access(draft, F_OK) != 0 && errno == ENOENT, "it is still there after it was renamed", draft);
  if (stat(to, &after) != 0) fail("stat", to);
  expect(S_ISREG(after.st_mode), "it is no file", to);
  expect(after.st_size == before.st_size, "it has another size", to);
  expect(after.st_mtim.tv_sec == before.st_mtim.tv_sec, "it has another time", to);
  files++;
}

static void copy_link(const char *from, const char *folder, const char *name) {
  static char to[PATH_MAX], target[PATH_MAX], written[PATH_MAX];
  join(to, folder, name, "");
  ssize_t length = readlink(from, target, sizeof target - 1);
  if (length < 0) fail("read link", from);
  target[length] = 0;
  if (symlink(target, to) != 0) fail("link", to);
  ssize_t again = readlink(to, written, sizeof written);
  expect(again == length && memcmp(target, written, (size_t)length) == 0, "it leads elsewhere", to);
  links++;
}

static void copy_folder(const char *from, const char *to) {
  if (mkdir(to, 0777) != 0 && errno != EEXIST) fail("make folder", to);
  DIR *folder = opendir(from);
  if (!folder) fail("open folder", from);
  folders++;
  for (struct dirent *entry; errno = 0, entry = readdir(folder);) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *source = malloc(PATH_MAX), *target = malloc(PATH_MAX);
    join(source, from, entry->d_name, "");
    join(target, to, entry->d_name, "");
    struct stat found;
    if (lstat(source, &found) != 0) fail("stat", source);
    if (S_ISDIR(found.st_mode)) copy_folder(source, target);
    else if (S_ISLNK(found.st_mode)) copy_link(source, to, entry->d_name);
    else copy_file(source, to, entry->d_name);
    free(source);
    free(target);
  }
  if (errno != 0) fail("read folder", from);
  if (closedir(folder) != 0) fail("close folder", from);
}

/* What has to fail, with the errors that POSIX gives them. */
static void try_what_must_fail(const char *to) {
  static char path[PATH_MAX];
  join(path, to, "nothing-here", "");
  expect(fopen(path, "r") == NULL && errno == ENOENT, "what is not there was opened", path);
  expect(mkdir(to, 0777) != 0 && errno == EEXIST, "a folder was made twice", to);
  expect(rmdir(to) != 0 && (errno == ENOTEMPTY || errno == EBUSY || errno == EINVAL || errno == EPERM), "a full folder was removed", to);
  expect(open(to, O_WRONLY) < 0 && (errno == EISDIR || errno == EACCES || errno == EBADF), "a folder was opened for writing", to);
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  copy_folder(argv[1], argv[2]);
  try_what_must_fail(argv[2]);
  printf("%lu files, %lu folders, %lu links, %lu bytes\n", files, folders, links, bytes);
  return 0;
}
