/* The simulator's classes and functions, as the engine sees them. See natives.c. */

#ifndef ALERTBOX_NATIVES_H
#define ALERTBOX_NATIVES_H

#include "xsAll.h"

enum nativeKind {
	NATIVE_CONSTRUCTOR,
	NATIVE_METHOD,
	NATIVE_GETTER,
	NATIVE_SETTER,
	NATIVE_FUNCTION,
	NATIVE_STATIC_GETTER,
	NATIVE_STATIC_SETTER,
	/* A static getter that is never sent: the simulator says the time in every frame. */
	NATIVE_CLOCK,
};

/* Reads the table. A line: index, specifier, export, kind, member, number of arguments; tabs between. */
void nativesRead(const char *path);

/* Gives the base machine the global function `native(specifier, export)`; takes it away; notes where classes went. */
void nativesBegin(txMachine *the);
void nativesEnd(txMachine *the);
void nativesMove(txSlot *(*moved)(txSlot *slot));

/* Whether the table has a clock, and so each frame has the time. */
int nativesHaveClock(void);

enum nativeKind nativeKind(int line);
/* Line of a native function; -1 for any other. */
int nativeLine(txSlot *function);
/* What instances of the class with that constructor inherit from. */
txSlot *nativePrototype(int line);

/* What every native function does; implemented in remote.c. */
void remote(txMachine *the, int line);

#endif
