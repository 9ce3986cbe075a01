/*
 * Calls into the engine that may end in other ways than by returning: by an exception, because XS gives up (fxAbort:
 * no memory, no stack), or because the boot that runs has ended in the middle of a call of the simulator. The last
 * two leave without running any more JavaScript, as a reset does. Knows no message.
 */

#include "guard.h"
#include "port.h"

struct guard {
	jmp_buf out;
	struct guard *outer;
	enum ending ending;
	const char *why;
};

static struct guard *innermost;

static const char *const reasons[] = {
	"debugger",
	"memory full",
	"stack overflow",
	"fatal",
	"dead strip",
	"unhandled exception",
	"not enough keys",
	"too much computation",
	"unhandled rejection",
};

__attribute__((noreturn)) static void leave(enum ending ending, const char *why)
{
	/* Before there is any guard only the base machine is made: too large an image. */
	if (!innermost) {
		portPrint(why, (int)strlen(why));
		portPrint("\n", 1);
		portExit(3);
	}
	innermost->ending = ending;
	innermost->why = why;
	longjmp(innermost->out, 1);
}

void guardHalt(void)
{
	leave(ENDED_HALTED, "");
}

/* XS gives up. */
void fxAbort(txMachine *the, int status)
{
	(void)the;
	leave(ENDED_ABORTED, ((unsigned)status < sizeof(reasons) / sizeof(*reasons)) ? reasons[status] : "unknown");
}

/* Catch blocks of JavaScript that will not run any more have their jump in allocated memory. */
static void freeJumps(txMachine *the, txJump *until)
{
	while (the->firstJump != until) {
		txJump *jump = the->firstJump;
		the->firstJump = jump->nextJump;
		if (jump->flag)
			c_free(jump);
	}
}

enum ending guarded(txMachine *the, void (*work)(txMachine *the, void *data), void *data, const char **why)
{
	struct guard guard;
	txJump *const firstJump = the->firstJump;
	txSlot *const stack = the->stack;
	txSlot *const scope = the->scope;
	txSlot *const frame = the->frame;
	txByte *const code = the->code;

	guard.outer = innermost;
	guard.ending = ENDED_OK;
	guard.why = NULL;
	innermost = &guard;
	if (0 == setjmp(guard.out)) {
		mxTry(the) {
			work(the, data);
		}
		mxCatch(the) {
			guard.ending = ENDED_EXCEPTION;
		}
	}
	else {
		freeJumps(the, firstJump);
		the->collectFlag |= XS_COLLECTING_FLAG;
	}
	innermost = guard.outer;
	the->stack = stack;
	the->scope = scope;
	the->frame = frame;
	the->code = code;
	*why = guard.why;
	return guard.ending;
}
