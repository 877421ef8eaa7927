/* A reactor with a world of its own, bound by hand: what wit-bindgen would write. Its C library speaks preview 1, its world WASI 0.2. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))

__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.12"), import_name("now"))) extern uint64_t clock_now(void);

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
  (void)old_size, (void)align;
  void *room = realloc(old, new_size);
  if (new_size > 0 && !room) abort();
  return room;
}

struct text {
  char *bytes;
  size_t length;
};

EXPORT("greet") struct text *greet(char *name, size_t length) {
  static struct text answer;
  const char *greeting = getenv("GREETING");
  size_t size = length + (greeting ? strlen(greeting) : 5) + sizeof ", !";
  answer.bytes = malloc(size);
  answer.length = (size_t)snprintf(answer.bytes, size, "%s, %.*s!", greeting ? greeting : "Hello", (int)length, name);
  free(name);
  return &answer;
}

EXPORT("cabi_post_greet") void after_greet(struct text *answer) { free(answer->bytes); }

EXPORT("add") uint64_t add(uint32_t a, uint32_t b) { return (uint64_t)a + b; }

EXPORT("nanoseconds") uint64_t nanoseconds(void) { return clock_now(); }
