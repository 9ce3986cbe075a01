/* What every frame to the process begins with. See remote.c. */

#ifndef ALERTBOX_REMOTE_H
#define ALERTBOX_REMOTE_H

#include "xsAll.h"

/*
 * Reads what every frame begins with: lists of objects and of callbacks that may be forgotten, which it forgets, and
 * the time when the table has a clock.
 */
void readHead(txMachine *the);

#endif
