/* Ends as its first argument says: `exit N`, `return N`, `abort`, `trap`, `overflow` (of the stack), `memory N` (mebibytes, touched). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile char sink;
static volatile int forever = 1;

static int deeper(int depth) {
  char room[4096];
  memset(room, depth & 0xff, sizeof room);
  sink = room[depth % sizeof room];
  return forever ? deeper(depth + 1) + room[0] : 0;
}

static void at_end(void) { puts("handlers ran"); }

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "return";
  long number = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
  atexit(at_end);
  puts(how);
  if (strcmp(how, "exit") == 0) exit((int)number);
  if (strcmp(how, "_exit") == 0) _exit((int)number);
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "trap") == 0) __builtin_trap();
  if (strcmp(how, "overflow") == 0) return deeper(0);
  if (strcmp(how, "memory") == 0) {
    size_t size = (size_t)number << 20;
    volatile char *room = malloc(size);
    if (!room) return 12;
    for (size_t at = 0; at < size; at += 4096) room[at] = (char)at;
    printf("touched %ld MiB\n", number);
    free((void *)room);
    return 0;
  }
  return (int)number;
}
