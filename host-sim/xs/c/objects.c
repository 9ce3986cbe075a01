/*
 * Host objects and the functions that they call back, by the numbers that messages name them by. As in the SDK's C
 * code an object costs two slots, its callbacks none, and it is a root until it is closed. What is remembered about
 * them is outside of the arena.
 */

#include "objects.h"

struct callback {
	struct callback *next;
	struct object *owner;
	uint32_t id;
	int isFresh;
	txSlot function;
};

struct object {
	struct object *next;
	uint32_t handle;
	uint16_t line;
	int isRoot;
	txSlot reference;
};

static struct object *objects;
static struct callback *callbacks;
static uint32_t lastHandle, lastCallback;

static void mark(txMachine *the, void *data, txMarkRoot markRoot)
{
	struct callback *callback;
	for (callback = callbacks; callback; callback = callback->next) {
		if (callback->owner == data)
			(*markRoot)(the, &callback->function);
	}
}

static void removeCallback(struct callback **link)
{
	struct callback *callback = *link;
	*link = callback->next;
	free(callback);
}

/* The collector has found that nobody holds the object, or the machine ends. */
static void destroy(void *data)
{
	struct callback **callback = &callbacks;
	struct object **object;

	if (!data)
		return;
	while (*callback) {
		if ((*callback)->owner == data)
			removeCallback(callback);
		else
			callback = &(*callback)->next;
	}
	for (object = &objects; *object; object = &(*object)->next) {
		if (*object == data) {
			*object = (*object)->next;
			free(data);
			return;
		}
	}
}

const txHostHooks objectHooks = { destroy, mark, NULL };

struct object *objectMake(txMachine *the, txSlot *reference, uint32_t handle, uint16_t line)
{
	struct object *object = calloc(1, sizeof(struct object));
	if (!object)
		fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
	object->handle = handle ? handle : ++lastHandle;
	object->line = line;
	object->isRoot = 1;
	object->reference.kind = XS_REFERENCE_KIND;
	object->reference.value.reference = reference->value.reference;
	object->next = objects;
	objects = object;
	fxSetHostHooks(the, reference, &objectHooks);
	fxSetHostData(the, reference, object);
	fxRemember(the, &object->reference);
	return object;
}

struct object *objectOf(const txSlot *value)
{
	txSlot *host;
	if (!mxIsReference(value) || !mxIsHost(value->value.reference))
		return NULL;
	host = value->value.reference->next;
	if (!(host->flag & XS_HOST_HOOKS_FLAG) || (host->value.host.variant.hooks != &objectHooks))
		return NULL;
	return host->value.host.data;
}

struct object *objectFind(uint32_t handle)
{
	struct object *object;
	for (object = objects; object; object = object->next) {
		if (object->handle == handle)
			return object;
	}
	return NULL;
}

uint32_t objectHandle(const struct object *object)
{
	return object->handle;
}

uint16_t objectLine(const struct object *object)
{
	return object->line;
}

txSlot *objectInstance(const struct object *object)
{
	return object->reference.value.reference;
}

void objectRelease(txMachine *the, uint32_t handle)
{
	struct object *object = objectFind(handle);
	if (object && object->isRoot) {
		object->isRoot = 0;
		fxForget(the, &object->reference);
	}
}

uint32_t callbackMake(txMachine *the, const txSlot *function)
{
	struct callback *callback = calloc(1, sizeof(struct callback));
	if (!callback)
		fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
	callback->id = ++lastCallback;
	callback->isFresh = 1;
	callback->function.kind = XS_REFERENCE_KIND;
	callback->function.value.reference = function->value.reference;
	callback->next = callbacks;
	callbacks = callback;
	fxRemember(the, &callback->function);
	return callback->id;
}

void callbacksAdopt(txMachine *the, struct object *owner)
{
	struct callback *callback;
	for (callback = callbacks; callback && callback->isFresh; callback = callback->next) {
		callback->isFresh = 0;
		callback->owner = owner;
		if (owner)
			fxForget(the, &callback->function);
	}
}

static struct callback **search(uint32_t id)
{
	struct callback **link = &callbacks;
	while (*link && ((*link)->id != id))
		link = &(*link)->next;
	return link;
}

const txSlot *callbackFind(uint32_t id)
{
	struct callback *callback = *search(id);
	return callback ? &callback->function : NULL;
}

void callbackRelease(txMachine *the, uint32_t id)
{
	struct callback **link = search(id);
	if (!*link)
		return;
	if (!(*link)->owner)
		fxForget(the, &(*link)->function);
	removeCallback(link);
}

void objectsForget(void)
{
	while (callbacks)
		removeCallback(&callbacks);
	while (objects) {
		struct object *object = objects;
		objects = object->next;
		free(object);
	}
	lastHandle = lastCallback = 0;
}
