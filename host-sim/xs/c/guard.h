/* Calls into the engine that may end in other ways than by returning. See guard.c. */

#ifndef ALERTBOX_GUARD_H
#define ALERTBOX_GUARD_H

#include "xsAll.h"

enum ending { ENDED_OK, ENDED_EXCEPTION, ENDED_HALTED, ENDED_ABORTED };

/*
 * Runs `work(the, data)`. When it does not return by itself, the machine's stacks are as before the call.
 * ENDED_EXCEPTION: mxException has it. ENDED_ABORTED: `*why` has XS's reason, such as "memory full".
 */
enum ending guarded(txMachine *the, void (*work)(txMachine *the, void *data), void *data, const char **why);

/* Leaves the innermost guarded call without running any more of it, catch and finally included. */
__attribute__((noreturn)) void guardHalt(void);

#endif
