/* wasi-libc on what is granted: arguments, environment, files, folders, time, random bytes, exit code. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK(truth)                                                                                                                       \
  do {                                                                                                                                     \
    if (!(truth)) {                                                                                                                        \
      fprintf(stderr, "line %d: expected %s (errno %d)\n", __LINE__, #truth, errno);                                                       \
      exit(9);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

static void files(void) {
  char text[32] = {0};
  FILE *file = fopen("/given.txt", "r");
  CHECK(file != NULL && fgets(text, sizeof text, file) != NULL && strcmp(text, "given\n") == 0);
  fclose(file);
  CHECK(open("/missing", O_RDONLY) < 0 && errno == ENOENT);
  int made = open("/made", O_CREAT | O_EXCL | O_RDWR, 0644);
  CHECK(made >= 0 && write(made, "hello world", 11) == 11);
  CHECK(pwrite(made, "W", 1, 6) == 1 && lseek(made, 6, SEEK_SET) == 6 && read(made, text, 5) == 5 && memcmp(text, "World", 5) == 0);
  struct stat is;
  CHECK(ftruncate(made, 5) == 0 && fstat(made, &is) == 0 && is.st_size == 5 && S_ISREG(is.st_mode));
  CHECK(close(made) == 0 && open("/made", O_CREAT | O_EXCL | O_RDWR, 0644) < 0 && errno == EEXIST);
  CHECK(rename("/made", "/inner/made") == 0 && unlink("/inner/made") == 0);
}

static void folders(void) {
  CHECK(mkdir("/new", 0755) == 0 && mkdir("/new", 0755) < 0 && errno == EEXIST);
  CHECK(rmdir("/inner") < 0 && errno == ENOTEMPTY);
  CHECK(rmdir("/new") == 0);
  int seen = 0;
  DIR *folder = opendir("/");
  CHECK(folder != NULL);
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
    seen += strcmp(entry->d_name, "given.txt") == 0 || strcmp(entry->d_name, "inner") == 0;
  CHECK(seen == 2 && closedir(folder) == 0);
  CHECK(open("/../../etc/passwd", O_RDONLY) < 0);
}

static void clocks(void) {
  struct timespec before, after, pause = {0, 5000000};
  CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0 && nanosleep(&pause, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  CHECK((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec >= 5000000);
  CHECK(time(NULL) > 1750000000);
  unsigned char one[16] = {0}, two[16] = {0};
  CHECK(getentropy(one, sizeof one) == 0 && getentropy(two, sizeof two) == 0 && memcmp(one, two, sizeof one) != 0);
}

int main(int count, char **arguments) {
  CHECK(count == 3 && strcmp(arguments[1], "one") == 0 && strcmp(arguments[2], "two words") == 0);
  CHECK(getenv("GREETING") != NULL && getenv("PATH") == NULL);
  files();
  folders();
  clocks();
  char line[32];
  CHECK(fgets(line, sizeof line, stdin) != NULL);
  printf("%s, %s", getenv("GREETING"), line);
  return 7;
}
