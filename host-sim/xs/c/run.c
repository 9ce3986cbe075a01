/*
 * A laboratory for firmware: the base machine is made once, then each BOOT message makes a clone of it, imports
 * module `main` and calls its default export; INVOKE calls what firmware asked to be called back with. Exactly one
 * message is answered at a time. What firmware does to the world happens in the simulator, by way of remote.c.
 */

#include "guard.h"
#include "machine.h"
#include "meter.h"
#include "natives.h"
#include "objects.h"
#include "port.h"
#include "remote.h"
#include "run.h"
#include "values.h"
#include "wire.h"

#define BOOT_BARE 1
#define BOOT_IMPORT_ONLY 2

static txMachine *base, *machine;
static struct arena arena;
/* How the last call ended, for the abort hook: what it gave or threw, and in words. */
static txSlot outcome, thrown;
static enum ending ending;
static const char *why = "";
static char words[256];

/* One call into firmware. */
struct turn {
	void (*work)(txMachine *the, void *data);
	void *data;
};

static void takeTurn(void *data)
{
	struct turn *turn = data;
	machine->stackLimit = portStackLimit();
	meterStart();
	ending = guarded(machine, turn->work, turn->data, &why);
	meterStop();
}

static void sendDone(txMachine *the)
{
	wireBegin(FRAME_DONE);
	put8((uint8_t)ending);
	putString(why);
	meterPut();
	if (the && (ENDED_OK == ending) && !mxIsReference(&outcome))
		putValue(the, &outcome);
	else
		put8(0);
	wireSend();
}

/* Calls into firmware and answers how it went. `work` leaves its result in `outcome`. */
static void call(txMachine *the, void (*work)(txMachine *the, void *data), void *data)
{
	struct turn turn = { work, data };

	outcome.kind = XS_UNDEFINED_KIND;
	meterBegin(the);
	portCall(takeTurn, &turn);
	meterEnd(the);
	the->stackLimit = portStackLimit();
	if (!why)
		why = "";
	if (ENDED_EXCEPTION == ending) {
		outcome.kind = mxException.kind;
		outcome.value = mxException.value;
		mxException.kind = XS_UNDEFINED_KIND;
		machineDescribe(the, &outcome, words, sizeof(words));
		why = words;
	}
	sendDone(the);
}

/*
 * Calls the function that was pushed with its `this` and arguments; only this counts, and the promise jobs it leaves.
 */
static void run(txMachine *the, int count)
{
	meterStart();
	mxRunCount(count);
	machineRunJobs(the);
	meterStop();
	mxPullSlot(&outcome);
	fxEndHost(the);
}

static void importMain(txMachine *the, void *data)
{
	const uint8_t flags = *(uint8_t *)data;
	txSlot *module;

	if (flags & BOOT_BARE)
		return;
	meterStart();
	fxBeginHost(the);
	machineImport(the, "main");
	module = the->stack;
	if (flags & BOOT_IMPORT_ONLY) {
		fxEndHost(the);
		return;
	}
	mxPushUndefined();
	mxPushSlot(module);
	fxGetID(the, mxID(_default));
	mxCall();
	mxRunCount(0);
	mxPop();
	machineRunJobs(the);
	meterStop();
	fxEndHost(the);
}

static void end(void)
{
	if (machine) {
		machine->cRoot = NULL;
		fxDeleteMachine(machine);
		objectsForget();
	}
	heapRewind();
	machine = NULL;
	outcome.kind = thrown.kind = XS_UNDEFINED_KIND;
}

static void boot(void)
{
	struct record record;
	uint32_t *field = (uint32_t *)&record;
	unsigned i;
	uint8_t flags;

	for (i = 0; i < sizeof(record) / sizeof(*field); i++)
		*field++ = get32();
	flags = get8();
	end();
	machine = machineClone(base, &record, &arena, &why);
	if (machine) {
		fxRemember(machine, &outcome);
		fxRemember(machine, &thrown);
		call(machine, importMain, &flags);
	}
	else {
		ending = ENDED_ABORTED;
		sendDone(NULL);
	}
}

static void invoke(txMachine *the, void *data)
{
	const txSlot *callback = callbackFind(get32());
	uint32_t handle = get32();
	struct object *self = objectFind(handle);
	uint8_t count = get8();
	uint8_t i;

	(void)data;
	if (!callback)
		fail("a callback that was forgotten", "INVOKE");
	if (handle && !self)
		fail("an object that was forgotten", "INVOKE");
	fxBeginHost(the);
	if (self)
		mxPushReference(objectInstance(self));
	else
		mxPushUndefined();
	mxPushSlot(callback);
	mxCall();
	for (i = 0; i < count; i++)
		pushValue(the);
	run(the, count);
}

/* globalThis.abort(reason, exception), as the SDK's fxAbort calls it. Its result says whether firmware goes on. */
static void callAbortHook(txMachine *the, void *data)
{
	txID id = fxFindID(the, "abort");

	(void)data;
	if (!id)
		return;
	fxBeginHost(the);
	mxPush(mxGlobal);
	mxPush(mxGlobal);
	fxGetID(the, id);
	if (!fxIsCallable(the, the->stack)) {
		fxEndHost(the);
		return;
	}
	mxCall();
	mxPushUndefined();
	fxString(the, the->stack, (txString)((ENDED_EXCEPTION == ending) ? "unhandled exception" : why));
	mxPushSlot(&thrown);
	run(the, 2);
}

static void abortHook(void)
{
	/* The next call begins with no outcome; what was thrown must outlive what the hook allocates. */
	thrown.kind = outcome.kind;
	thrown.value = outcome.value;
	call(machine, callAbortHook, NULL);
	thrown.kind = XS_UNDEFINED_KIND;
}

static void collect(txMachine *the)
{
	uint64_t begin, instructions;
	int isCompacting = get8();

	begin = portCount();
	fxCollect(the, isCompacting ? XS_COMPACT_FLAG : XS_NO_FLAG);
	instructions = portCount();
	instructions = portInstructions(instructions) - portInstructions(begin);
	wireBegin(FRAME_LIVE);
	put32(the->currentHeapCount);
	put32(the->currentChunksSize);
	put32((uint32_t)(arena.high - arena.low));
	put32(arena.least);
	put32((uint32_t)instructions);
	put32(the->maximumHeapCount);
	put32(the->maximumChunksSize);
	put32((uint32_t)(the->keyIndex - the->keyOffset));
	wireSend();
}

static void serve(int type)
{
	if (FRAME_BOOT == type) {
		boot();
		return;
	}
	if (FRAME_END == type) {
		end();
		ending = ENDED_OK;
		why = "";
		sendDone(NULL);
		return;
	}
	if (!machine)
		fail("there is no boot", "frame");
	switch (type) {
	case FRAME_INVOKE:
		call(machine, invoke, NULL);
		break;
	case FRAME_COLLECT:
		collect(machine);
		break;
	case FRAME_ABORT:
		abortHook();
		break;
	default:
		fail("not expected here", "frame");
	}
}

static void ready(void)
{
	char text[160];
	snprintf(text, sizeof(text), "XS %d.%d.%d, base: %d slots, %d bytes of chunks, %d names, %d aliases",
		XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION,
		(int)base->currentHeapCount, (int)base->currentChunksSize, (int)base->keyIndex, (int)base->aliasCount);
	wireBegin(FRAME_READY);
	putString(text);
	wireSend();
}

static const struct additions additions = { nativesBegin, nativesEnd, nativesMove };

int runLab(const char *imagePath, const char *classesPath, const char *inPath, const char *outPath)
{
	int type;

	nativesRead(classesPath);
	wireOpen(inPath, outPath);
	base = machineBase(imageRead(imagePath), &additions);
	ready();
	while ((type = wireReceive())) {
		readHead(machine);
		serve(type);
	}
	end();
	return 0;
}
