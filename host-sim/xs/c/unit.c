/*
 * Runs an image to its end, without any simulator: module `main` and the promise jobs that it leaves behind, in a
 * clone with megabytes of memory. `print(text)` writes a line to standard output, `exit(status)` ends the program at
 * once.
 */

#include "guard.h"
#include "machine.h"
#include "port.h"
#include "unit.h"

static const struct record roomy = {
	.size = 64 * 1024 * 1024,
	.stack = 256 * 1024,
	.heapInitial = 1024 * 1024,
	.heapIncremental = 128 * 1024,
	.chunkInitial = 16 * 1024 * 1024,
	.chunkIncremental = 4 * 1024 * 1024,
	.keysInitial = 4096,
	.keysIncremental = 1024,
};

static void xs_print(txMachine *the)
{
	int i;
	for (i = 0; i < mxArgc; i++) {
		const char *text = fxToString(the, mxArgv(i));
		portPrint(text, (int)strlen(text));
	}
	portPrint("\n", 1);
}

__attribute__((noreturn)) static void xs_exit(txMachine *the)
{
	portExit((mxArgc > 0) ? fxToInteger(the, mxArgv(0)) : 0);
}

static void prepare(txMachine *the)
{
	machineDefine(the, "print", xs_print, 1);
	machineDefine(the, "exit", xs_exit, 1);
}

static void end(txMachine *the)
{
	(void)the;
}

static void move(txSlot *(*moved)(txSlot *slot))
{
	(void)moved;
}

static const struct additions additions = { prepare, end, move };

/* `main` may await at its top level, so its import is a promise; with what that was rejected is thrown here. */
static void run(txMachine *the, void *data)
{
	txSlot *promise;
	(void)data;
	fxBeginHost(the);
	mxPushUndefined();
	fxString(the, the->stack, "main");
	fxAwaitImport(the, XS_IMPORT_ASYNC);
	machineRunJobs(the);
	promise = the->stack->value.reference;
	if (mxRejectedStatus == mxPromiseStatus(promise)->value.integer) {
		mxException.kind = mxPromiseResult(promise)->kind;
		mxException.value = mxPromiseResult(promise)->value;
		fxJump(the);
	}
	if (mxFulfilledStatus != mxPromiseStatus(promise)->value.integer)
		mxTypeError("main waits for ever");
	fxEndHost(the);
}

int runUnit(const char *imagePath)
{
	struct arena arena;
	const char *why;
	char text[256];
	txMachine *base = machineBase(imageRead(imagePath), &additions);
	txMachine *the = machineClone(base, &roomy, &arena, &why);

	if (!the)
		fail(why, imagePath);
	switch (guarded(the, run, NULL, &why)) {
	case ENDED_OK:
		return 0;
	case ENDED_EXCEPTION:
		machineDescribe(the, &mxException, text, sizeof(text));
		why = text;
		portPrint("exception: ", 11);
		break;
	default:
		portPrint("XS abort: ", 10);
		break;
	}
	portPrint(why, (int)strlen(why));
	portPrint("\n", 1);
	return (why == text) ? 1 : 3;
}
