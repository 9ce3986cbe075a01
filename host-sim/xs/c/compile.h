/* JavaScript to bytecode. See compile.c. */

#ifndef ALERTBOX_COMPILE_H
#define ALERTBOX_COMPILE_H

/*
 * Compiles the modules of a list into an image file. A line of the list: specifier, path of the JavaScript, 1 when it
 * is preloaded; tabs between. Prints a line of JSON per module. Gives the exit status.
 */
int compileImage(const char *list, const char *path);

#endif
