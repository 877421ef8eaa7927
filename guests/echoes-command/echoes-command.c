/* Prints its arguments, its environment, and then its standard input in capitals; says on standard error how long that was. */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  for (char **each = environ; each && *each; each++) printf("environment: %s\n", *each);
  printf("terminal: %s\n", isatty(STDIN_FILENO) ? "yes" : "no");

  unsigned long length = 0;
  for (int c; (c = getchar()) != EOF; length++) putchar(toupper(c));
  fprintf(stderr, "%lu bytes of input\n", length);
  return fflush(stdout) == 0 && !ferror(stdin) ? 0 : 1;
}
