/*
 * A call of a native function becomes a request to the simulator, and its answer becomes the result. It all happens
 * on a C stack of its own and outside of the instruction count: what firmware is charged for is firmware. On the chip
 * the SDK's C code would do something in its place, which is not counted here.
 */

#include "guard.h"
#include "image.h"
#include "meter.h"
#include "natives.h"
#include "objects.h"
#include "port.h"
#include "remote.h"
#include "values.h"
#include "wire.h"

struct call {
	txMachine *the;
	int line;
	enum ending ending;
};

/* Milliseconds, as the simulator said last. */
static int32_t ticks;

void readHead(txMachine *the)
{
	uint16_t count = get16();
	while (count--)
		objectRelease(the, get32());
	count = get16();
	while (count--)
		callbackRelease(the, get32());
	if (nativesHaveClock())
		ticks = (int32_t)get32();
}

/* As the SDK's constructors do: a host instance of two slots that inherits from what was called with `new`. */
static struct object *construct(txMachine *the, int line)
{
	if (mxIsUndefined(mxTarget))
		mxTypeError("call: class");
	mxPushSlot(mxTarget);
	fxGetID(the, mxID(_prototype));
	fxNewHostObject(the, NULL);
	the->stack->value.reference->value.instance.prototype = fxToInstance(the, the->stack + 1);
	mxPullSlot(mxResult);
	mxPop();
	return objectMake(the, mxResult, 0, (uint16_t)line);
}

/*
 * Option `target` of a constructor becomes a property of the instance, so that callbacks, whose `this` is the
 * instance, find firmware's object there (builtinInitializeTarget in modules/io/builtinCommon.c of the SDK 8.2.3).
 */
static void takeTarget(txMachine *the)
{
	txID id = fxFindID(the, "target");
	if (!id || (mxArgc < 1) || !mxIsReference(mxArgv(0)))
		return;
	mxPushSlot(mxArgv(0));
	if (fxHasID(the, id)) {
		mxPushSlot(mxArgv(0));
		fxGetID(the, id);
		mxPushSlot(mxResult);
		fxSetID(the, id);
		mxPop();
	}
}

static void request(txMachine *the, int line, const struct object *self)
{
	int i, count = mxArgc;
	wireBegin(FRAME_CALL);
	put16((uint16_t)line);
	put32(self ? objectHandle(self) : 0);
	put8((uint8_t)count);
	for (i = 0; i < count; i++)
		putValue(the, mxArgv(i));
	wireSend();
}

/* Copies bytes into the first argument; the result is their number. */
static void fill(txMachine *the)
{
	uint32_t count = get32();
	const uint8_t *from = getBytes(count);
	uint8_t *to;
	uint32_t room;

	if ((mxArgc < 1) || !bytesOf(the, mxArgv(0), &to, &room))
		mxTypeError("not a buffer");
	if (count > room)
		mxRangeError("buffer too small");
	memcpy(to, from, count);
	mxResult->kind = XS_INTEGER_KIND;
	mxResult->value.integer = (txInteger)count;
}

__attribute__((noreturn)) static void throwAnswer(txMachine *the)
{
	static const txError errors[] = { XS_UNKNOWN_ERROR, XS_TYPE_ERROR, XS_RANGE_ERROR };
	uint8_t kind = get8();
	uint32_t length = get32();
	const uint8_t *bytes = getBytes(length);
	fxThrowMessage(the, NULL, 0, errors[(kind < 3) ? kind : 0], "%.*s", (int)length, bytes);
}

/* Gives 0 when the boot has ended and firmware must not go on. */
static int answer(txMachine *the, int line, struct object *self)
{
	int type = wireReceive();
	int isConstructor = (NATIVE_CONSTRUCTOR == nativeKind(line));

	if (0 == type)
		portExit(0);
	readHead(the);
	switch (type) {
	case FRAME_RETURN:
		pushValue(the);
		if (isConstructor) {
			mxPop();
			takeTarget(the);
		}
		else
			mxPullSlot(mxResult);
		callbacksAdopt(the, isConstructor ? self : (self ? self : objectOf(mxResult)));
		return 1;
	case FRAME_FILL:
		callbacksAdopt(the, self);
		fill(the);
		return 1;
	case FRAME_THROW:
		callbacksAdopt(the, self);
		if (isConstructor)
			objectRelease(the, objectHandle(self));
		throwAnswer(the);
	case FRAME_HALT:
		return 0;
	default:
		fail("an answer was expected", "frame");
	}
}

static void exchange(void *data)
{
	struct call *call = data;
	txMachine *the = call->the;
	char *limit = the->stackLimit;
	struct object *self;

	the->stackLimit = portStackLimit();
	mxTry(the) {
		if (NATIVE_CONSTRUCTOR == nativeKind(call->line))
			self = construct(the, call->line);
		else
			self = objectOf(mxThis);
		request(the, call->line, self);
		if (!answer(the, call->line, self))
			call->ending = ENDED_HALTED;
	}
	mxCatch(the) {
		call->ending = ENDED_EXCEPTION;
	}
	the->stackLimit = limit;
}

void remote(txMachine *the, int line)
{
	struct call call = { the, line, ENDED_OK };

	if (NATIVE_CLOCK == nativeKind(line)) {
		mxResult->kind = XS_INTEGER_KIND;
		mxResult->value.integer = ticks;
		return;
	}
	meterPause();
	portBack(exchange, &call);
	meterResume();
	if (ENDED_HALTED == call.ending)
		guardHalt();
	if (ENDED_EXCEPTION == call.ending)
		fxJump(the);
}
