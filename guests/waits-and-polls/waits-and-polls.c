/* Sleeps, polls with a deadline, and waits for input and a deadline at once; prints how many milliseconds each took. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) exit(1);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(void) {
  long start = now_ms();
  struct timespec pause = {.tv_sec = 0, .tv_nsec = 120 * 1000 * 1000};
  if (nanosleep(&pause, NULL) != 0) return 2;
  printf("slept %ld\n", now_ms() - start);

  start = now_ms();
  if (poll(NULL, 0, 80) != 0) return 3;
  printf("polled nothing for %ld\n", now_ms() - start);

  /* Whoever runs this writes a line after a while, or ends the input. */
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  start = now_ms();
  int ready = poll(&input, 1, 5000);
  char line[64];
  ssize_t length = ready == 1 ? read(STDIN_FILENO, line, sizeof line) : -1;
  printf("input %s after %ld: %.*s\n", ready == 1 ? "ready" : "missing", now_ms() - start, length > 0 ? (int)length : 0, line);

  time_t today = time(NULL);
  printf("the year is %d\n", gmtime(&today)->tm_year + 1900);
  return 0;
}
