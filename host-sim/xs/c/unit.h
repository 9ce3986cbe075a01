/* Runs an image to its end. See unit.c. */

#ifndef ALERTBOX_UNIT_H
#define ALERTBOX_UNIT_H

/* Gives the exit status: what exit() was given, else 0, or 1 after an exception, 3 when XS gave up. */
int runUnit(const char *imagePath);

#endif
