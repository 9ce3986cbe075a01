/*
 * JavaScript values in messages, both ways. Writing reads the machine's slots and allocates none, so that the harness
 * leaves no garbage that the chip would not have; reading makes what the SDK's C code makes for the same result.
 */

#include "image.h"
#include "natives.h"
#include "objects.h"
#include "values.h"
#include "wire.h"

enum {
	TAG_UNDEFINED,
	TAG_NULL,
	TAG_FALSE,
	TAG_TRUE,
	TAG_INTEGER,
	TAG_NUMBER,
	TAG_STRING,
	TAG_BYTES,
	TAG_OBJECT,
	TAG_OPTIONS,
	TAG_CALLBACK,
	TAG_NATIVE,
	/* Bytes that have properties, as a UDP packet has its sender. Only towards the machine. */
	TAG_PACKET,
};

#define NO_CLASS 0xffff

/* A shared object that this machine has changed has its own copy. */
static txSlot *current(txMachine *the, txSlot *instance)
{
	txSlot *alias = (instance->ID && the->aliasArray) ? the->aliasArray[instance->ID] : NULL;
	return alias ? alias : instance;
}

static int viewOf(txMachine *the, txSlot *view, uint8_t **bytes, uint32_t *length)
{
	txSlot *buffer = current(the, view->next->value.reference)->next;
	int32_t offset = view->value.dataView.offset;
	int32_t size = view->value.dataView.size;
	if ((XS_ARRAY_BUFFER_KIND != buffer->kind) || !buffer->value.arrayBuffer.address)
		return 0;
	*bytes = (uint8_t *)buffer->value.arrayBuffer.address + offset;
	*length = (size < 0) ? buffer->next->value.bufferInfo.length - offset : size;
	return 1;
}

int bytesOf(txMachine *the, const txSlot *value, uint8_t **bytes, uint32_t *length)
{
	txSlot *slot;
	if (!mxIsReference(value))
		return 0;
	slot = current(the, value->value.reference)->next;
	if (!slot || !(slot->flag & XS_INTERNAL_FLAG))
		return 0;
	switch (slot->kind) {
	case XS_ARRAY_BUFFER_KIND:
		if (!slot->value.arrayBuffer.address)
			return 0;
		*bytes = (uint8_t *)slot->value.arrayBuffer.address;
		*length = slot->next->value.bufferInfo.length;
		return 1;
	case XS_TYPED_ARRAY_KIND:
		return viewOf(the, slot->next, bytes, length);
	case XS_DATA_VIEW_KIND:
		return viewOf(the, slot, bytes, length);
	default:
		return 0;
	}
}

static int putItems(txMachine *the, const txSlot *array)
{
	const txSlot *item = array->value.array.address;
	int count = item ? (int)fxGetIndexSize(the, (txSlot *)array) : 0;
	char key[12];
	int i;
	for (i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%d", (int)*(txIndex *)&item[i].next);
		putString(key);
		putValue(the, &item[i]);
	}
	return count;
}

/*
 * The simulator does not get what it need not know: what a getter would give, because that is firmware's code in the
 * middle of a call, and `target`, which the C code of the SDK keeps for itself (see remote.c).
 */
static int isPrivate(const char *key, const txSlot *slot)
{
	return (XS_ACCESSOR_KIND == slot->kind) || (0 == strcmp(key, "target"));
}

/* Own enumerable properties. */
static void putOptions(txMachine *the, txSlot *instance)
{
	static const txSlot undefined;
	uint32_t place;
	int count = 0;
	const txSlot *slot;

	put8(TAG_OPTIONS);
	place = putPlace16();
	for (slot = instance->next; slot; slot = slot->next) {
		const char *key;
		if (slot->flag & XS_INTERNAL_FLAG) {
			if (XS_ARRAY_KIND == slot->kind)
				count += putItems(the, slot);
			continue;
		}
		key = (slot->flag & XS_DONT_ENUM_FLAG) ? NULL : fxGetKeyName(the, slot->ID);
		if (!key)
			continue;
		putString(key);
		putValue(the, isPrivate(key, slot) ? &undefined : slot);
		count++;
	}
	setPlace16(place, (uint16_t)count);
}

static void putReference(txMachine *the, const txSlot *value)
{
	txSlot *instance = current(the, value->value.reference);
	struct object *object = objectOf(value);
	uint8_t *bytes;
	uint32_t length;
	int line;

	if (object) {
		put8(TAG_OBJECT);
		put32(objectHandle(object));
		put16(objectLine(object));
	}
	else if (mxIsCallable(instance)) {
		line = nativeLine(instance);
		if (line >= 0) {
			put8(TAG_NATIVE);
			put16((uint16_t)line);
		}
		else {
			put8(TAG_CALLBACK);
			put32(callbackMake(the, value));
		}
	}
	else if (bytesOf(the, value, &bytes, &length)) {
		put8(TAG_BYTES);
		put32(length);
		putBytes(bytes, length);
	}
	else
		putOptions(the, instance);
}

void putValue(txMachine *the, const txSlot *value)
{
	switch (value->kind) {
	case XS_UNDEFINED_KIND:
		put8(TAG_UNDEFINED);
		break;
	case XS_NULL_KIND:
		put8(TAG_NULL);
		break;
	case XS_BOOLEAN_KIND:
		put8(value->value.boolean ? TAG_TRUE : TAG_FALSE);
		break;
	case XS_INTEGER_KIND:
		put8(TAG_INTEGER);
		put32((uint32_t)value->value.integer);
		break;
	case XS_NUMBER_KIND:
		put8(TAG_NUMBER);
		putDouble(value->value.number);
		break;
	case XS_STRING_KIND:
	case XS_STRING_X_KIND:
		put8(TAG_STRING);
		putString(value->value.string);
		break;
	case XS_REFERENCE_KIND:
		putReference(the, value);
		break;
	default:
		mxTypeError("a symbol or a BigInt cannot be given to a module of the simulator");
	}
}

/* XS keeps U+0000 as C0 80. */
static void pushString(txMachine *the, uint32_t length)
{
	const uint8_t *bytes = getBytes(length);
	uint32_t zeros = 0, i;
	char *to;

	for (i = 0; i < length; i++)
		zeros += (0 == bytes[i]);
	mxPushUndefined();
	to = fxNewChunk(the, (txSize)(length + zeros + 1));
	the->stack->value.string = to;
	the->stack->kind = XS_STRING_KIND;
	for (i = 0; i < length; i++) {
		if (bytes[i])
			*to++ = (char)bytes[i];
		else {
			*to++ = (char)0xC0;
			*to++ = (char)0x80;
		}
	}
	*to = 0;
}

static void pushObject(txMachine *the)
{
	uint32_t handle = get32();
	uint16_t line = get16();
	struct object *object = objectFind(handle);

	if (object) {
		mxPushReference(objectInstance(object));
		return;
	}
	if (handle < FOREIGN_HANDLES)
		fail("an object that was forgotten", "frame");
	fxNewHostObject(the, NULL);
	if (NO_CLASS != line)
		the->stack->value.reference->value.instance.prototype = nativePrototype(line);
	objectMake(the, the->stack, handle, line);
}

/* Gives the object on top of the stack its properties. */
static void readProperties(txMachine *the)
{
	txSlot *object = the->stack;
	uint16_t count = get16();
	while (count--) {
		char key[64];
		uint32_t length = get32();
		const uint8_t *bytes = getBytes(length);
		if (length >= sizeof(key))
			fail("a long name of a property", "frame");
		memcpy(key, bytes, length);
		key[length] = 0;
		pushValue(the);
		mxPushSlot(object);
		fxSetID(the, fxID(the, key));
		mxPop();
	}
}

static void pushBytes(txMachine *the)
{
	uint32_t length = get32();
	const uint8_t *bytes = getBytes(length);
	mxPushUndefined();
	fxArrayBuffer(the, the->stack, (void *)bytes, (txInteger)length, -1);
}

void pushValue(txMachine *the)
{
	uint8_t tag = get8();
	switch (tag) {
	case TAG_UNDEFINED:
		mxPushUndefined();
		break;
	case TAG_NULL:
		mxPushNull();
		break;
	case TAG_FALSE:
	case TAG_TRUE:
		mxPushBoolean(TAG_TRUE == tag);
		break;
	case TAG_INTEGER:
		mxPushInteger((txInteger)get32());
		break;
	case TAG_NUMBER:
		mxPushNumber(getDouble());
		break;
	case TAG_STRING:
		pushString(the, get32());
		break;
	case TAG_BYTES:
		pushBytes(the);
		break;
	case TAG_OBJECT:
		pushObject(the);
		break;
	case TAG_OPTIONS:
		fxNewObject(the);
		readProperties(the);
		break;
	case TAG_PACKET:
		pushBytes(the);
		readProperties(the);
		break;
	default:
		fail("a value of an unknown kind", "frame");
	}
}
