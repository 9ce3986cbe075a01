/*
 * Makes machines. The base machine has the built-ins and the preloaded modules, which the chip has in flash; it is
 * then shared and never changes. A clone lives in one static block with the chip's creation record; what it holds is
 * what counts. Knows no message and no class of the simulator.
 */

#include "guard.h"
#include "layout.h"
#include "machine.h"
#include "port.h"

/*
 * Base and clone need the same two (xs/sources/xsAPI.c copies the tables); 53 and 3 are Moddable's for small chips.
 */
#define NAME_MODULO 53
#define SYMBOL_MODULO 3

void machineImport(txMachine *the, const char *specifier)
{
	mxPushUndefined();
	fxString(the, the->stack, (txString)specifier);
	fxAwaitImport(the, XS_IMPORT_NAMESPACE);
}

void machineRunJobs(txMachine *the)
{
	while (the->promiseJobs) {
		the->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
}

void machineDefine(txMachine *the, const char *name, txCallback callback, int length)
{
	fxNewHostFunction(the, callback, length, fxID(the, (txString)name), XS_NO_ID);
	mxPush(mxGlobal);
	fxDefineID(the, fxID(the, (txString)name), XS_DONT_ENUM_FLAG, XS_GET_ONLY);
	mxPop();
}

static const char *textOf(txMachine *the, txSlot *instance, txID id)
{
	txSlot *slot = mxBehaviorGetProperty(the, instance, id, 0, XS_ANY);
	return (slot && mxIsStringPrimitive(slot)) ? slot->value.string : NULL;
}

static void toString(txMachine *the, void *data)
{
	txSlot *words = data;
	mxPushSlot(words);
	fxToString(the, the->stack);
	mxPullSlot(words);
}

void machineDescribe(txMachine *the, const txSlot *thrown, char *text, int size)
{
	txSlot words = *thrown;
	const char *why;

	if (mxIsReference(thrown)) {
		const char *name = textOf(the, thrown->value.reference, mxID(_name));
		const char *message = textOf(the, thrown->value.reference, mxID(_message));
		if (name && message) {
			snprintf(text, size, "%s%s%s", name, *message ? ": " : "", message);
			return;
		}
	}
	if (ENDED_OK == guarded(the, toString, &words, &why))
		snprintf(text, size, "%s", words.value.string);
	else
		snprintf(text, size, "an exception without words");
}

static void importAll(txMachine *the, void *data)
{
	struct image *image = data;
	int i;
	for (i = 0; i < image->count; i++) {
		if (image->modules[i].isPreloaded) {
			fxBeginHost(the);
			machineImport(the, image->modules[i].specifier);
			fxEndHost(the);
		}
	}
}

/*
 * A shared string, name or function is in memory that does not move: the clone's collector must not look for its
 * chunk.
 */
static void settle(txSlot *slot)
{
	switch (slot->kind) {
	case XS_STRING_KIND:
		slot->kind = XS_STRING_X_KIND;
		break;
	case XS_BIGINT_KIND:
		slot->kind = XS_BIGINT_X_KIND;
		break;
	case XS_CODE_KIND:
		slot->kind = XS_CODE_X_KIND;
		break;
	case XS_KEY_KIND:
		slot->kind = XS_KEY_X_KIND;
		break;
	case XS_ARRAY_KIND:
		if (slot->value.array.address) {
			txSlot *item = slot->value.array.address;
			txIndex count = fxGetIndexSize(NULL, slot);
			while (count--)
				settle(item++);
		}
		break;
	default:
		break;
	}
}

static void settleAll(txMachine *the)
{
	txSlot *heap, *slot;
	for (heap = the->firstHeap; heap; heap = heap->next) {
		for (slot = heap + 1; slot < heap->value.reference; slot++)
			settle(slot);
	}
	for (slot = the->stack; slot < the->stackTop; slot++)
		settle(slot);
}


txMachine *machineBase(struct image *image, const struct additions *additions)
{
	static txCreation creation = {
		.initialChunkSize = 256 * 1024,
		.incrementalChunkSize = 64 * 1024,
		.initialHeapCount = 16 * 1024,
		.incrementalHeapCount = 4 * 1024,
		.stackCount = 4 * 1024,
		.initialKeyCount = 4 * 1024,
		.incrementalKeyCount = 1024,
		.nameModulo = NAME_MODULO,
		.symbolModulo = SYMBOL_MODULO,
		.parserBufferSize = 1024,
		.parserTableModulo = 17,
	};
	txMachine *the = fxCreateMachine(&creation, "base", NULL, XS_NO_ID);
	const char *why;
	char text[256];

	if (!the)
		fail("no memory", "base machine");
	imageIntern(the, image);
	additions->begin(the);
	switch (guarded(the, importAll, image, &why)) {
	case ENDED_OK:
		break;
	case ENDED_EXCEPTION:
		machineDescribe(the, &mxException, text, sizeof(text));
		fail(text, "preloading");
	default:
		fail(why, "preloading");
	}
	additions->end(the);
	fxShareMachine(the);
	settleAll(the);
	layoutBase(the, additions->move);
	heapBegin();
	return the;
}

static void clone(txMachine *base, void *data)
{
	void **parts = data;
	parts[2] = fxCloneMachine(parts[0], base, "boot", parts[1]);
}

txMachine *machineClone(txMachine *base, const struct record *record, struct arena *arena, const char **why)
{
	txCreation creation = {
		.initialChunkSize = record->chunkInitial,
		.incrementalChunkSize = record->chunkIncremental,
		.initialHeapCount = record->heapInitial,
		.incrementalHeapCount = record->heapIncremental,
		.stackCount = record->stack,
		.initialKeyCount = record->keysInitial,
		.incrementalKeyCount = record->keysIncremental,
		.nameModulo = NAME_MODULO,
		.symbolModulo = SYMBOL_MODULO,
		.parserBufferSize = 1024,
		.parserTableModulo = 17,
	};
	void *parts[3] = { &creation, arena, NULL };
	uint64_t slots = (uint64_t)record->stack + record->heapInitial;
	uint64_t needed = slots * sizeof(txSlot) + record->chunkInitial + sizeof(txBlock);
	uint8_t *block;

	*why = "memory full";
	if (needed > record->size)
		return NULL;
	block = portArena(record->size);
	if (!block)
		return NULL;
	memset(block, 0, record->size);
	arenaBegin(arena, block, record->size);
	if (ENDED_OK != guarded(base, clone, parts, why))
		return NULL;
	return parts[2];
}
