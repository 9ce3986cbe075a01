/*
 * Lays the base machine's slots out as Moddable's linker lays them out in flash (xs/tools/xslOpt.c of the SDK 8.2.3):
 * each name has a number, its colour, and a property with that name is so many slots behind its instance. XS then
 * finds the methods of built-ins and of preloaded classes without a search (`colors` in xsType.c). Left as they were
 * made, they would be searched for one by one, and calls would count more instructions than on the chip. Unlike the
 * linker it saves no room: each instance has its range for itself.
 */

#include "image.h"
#include "layout.h"

/* One block of slots as they were made, and where each of them goes. */
struct old {
	struct old *next;
	txSlot *heap;
	txSlot *limit;
	txSlot **targets;
};

/* A name, and the instances that have a property with it. */
struct name {
	txID id;
	uint32_t count;
	txSlot **instances;
};

static struct old *olds;
static txID *colors;

static txSlot **targetOf(txSlot *slot)
{
	struct old *old;
	for (old = olds; old; old = old->next) {
		if ((old->heap < slot) && (slot < old->limit))
			return &old->targets[slot - old->heap];
	}
	return NULL;
}

static txSlot *moved(txSlot *slot)
{
	txSlot **target = slot ? targetOf(slot) : NULL;
	return target ? *target : slot;
}

static void *room(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory)
		fail("no memory", "layout");
	return memory;
}

static void noteOlds(txMachine *the)
{
	txSlot *heap;
	for (heap = the->firstHeap; heap; heap = heap->next) {
		struct old *old = room(1, sizeof(struct old));
		old->heap = heap;
		old->limit = heap->value.reference;
		old->targets = room(old->limit - old->heap, sizeof(txSlot *));
		old->next = olds;
		olds = old;
	}
}

/* The global object needs no table of what it has found (mxLink in xsAPI.c makes it without). */
static void makeGlobalOrdinary(txMachine *the)
{
	txSlot *global = mxGlobal.value.reference;
	if (global->next && (XS_GLOBAL_KIND == global->next->kind)) {
		global->flag &= ~XS_EXOTIC_FLAG;
		global->next = global->next->next;
	}
}

static int isColoured(const txSlot *property)
{
	return !(property->flag & XS_INTERNAL_FLAG) && (XS_NO_ID != property->ID);
}

/* Calls `work` with each instance. */
static void eachInstance(void (*work)(txSlot *instance, void *data), void *data)
{
	struct old *old;
	txSlot *slot;
	for (old = olds; old; old = old->next) {
		for (slot = old->heap + 1; slot < old->limit; slot++) {
			if (XS_INSTANCE_KIND == slot->kind)
				work(slot, data);
		}
	}
}

static void countNames(txSlot *instance, void *data)
{
	struct name *names = data;
	txSlot *property;
	for (property = instance->next; property; property = property->next) {
		if (isColoured(property))
			names[property->ID].count++;
	}
}

static void listInstances(txSlot *instance, void *data)
{
	struct name *names = data;
	txSlot *property;
	for (property = instance->next; property; property = property->next) {
		if (isColoured(property))
			names[property->ID].instances[names[property->ID].count++] = instance;
	}
}

static int moreCommon(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	if (x->count != y->count)
		return (x->count < y->count) ? 1 : -1;
	return (int)x->id - (int)y->id;
}

/* The least colour that no other name has in the instances that this one is in. */
static txID freeColour(const struct name *name, uint8_t *taken, txID count)
{
	txSlot *property;
	uint32_t i;
	txID colour = 1;

	memset(taken, 0, count + 1);
	for (i = 0; i < name->count; i++) {
		for (property = name->instances[i]->next; property; property = property->next) {
			if (isColoured(property))
				taken[colors[property->ID]] = 1;
		}
	}
	while (taken[colour])
		colour++;
	return colour;
}

/* The most common names first: they get the least numbers. */
static void chooseColours(txID count)
{
	struct name *names = room(count, sizeof(struct name));
	uint8_t *taken = room(count + 2, 1);
	txID i;

	colors = room(count, sizeof(txID));
	eachInstance(countNames, names);
	for (i = 0; i < count; i++) {
		names[i].id = i;
		names[i].instances = room(names[i].count, sizeof(txSlot *));
		names[i].count = 0;
	}
	eachInstance(listInstances, names);
	qsort(names, count, sizeof(struct name), moreCommon);
	for (i = 0; (i < count) && names[i].count; i++)
		colors[names[i].id] = freeColour(&names[i], taken, count);
	for (i = 0; i < count; i++)
		free(names[i].instances);
	free(names);
	free(taken);
}

/* The range that an instance takes. */
static uint32_t sizeOf(const txSlot *instance)
{
	const txSlot *property;
	uint32_t size = 1;
	for (property = instance->next; property; property = property->next) {
		if (isColoured(property) && (size <= colors[property->ID]))
			size = colors[property->ID] + 1;
	}
	return size;
}

static void addSize(txSlot *instance, void *data)
{
	*(uint32_t *)data += sizeOf(instance);
}

/* `data` is the next free slot. Of two properties with one name only the first can be where it is looked for. */
static void place(txSlot *instance, void *data)
{
	txSlot **next = data;
	txSlot *range = *next;
	txSlot *property;

	*next += sizeOf(instance);
	*targetOf(instance) = range;
	for (property = instance->next; property; property = property->next) {
		txSlot *target = range + colors[property->ID];
		if (isColoured(property) && (0 == target->flag)) {
			*targetOf(property) = target;
			target->flag = XS_MARK_FLAG;
		}
	}
}

static void placeAll(void)
{
	uint32_t count = 0;
	struct old *old;
	txSlot *slot, *next;

	eachInstance(addSize, &count);
	for (old = olds; old; old = old->next)
		count += old->limit - old->heap;
	next = room(count, sizeof(txSlot));
	eachInstance(place, &next);
	for (old = olds; old; old = old->next) {
		for (slot = old->heap + 1; slot < old->limit; slot++) {
			txSlot **target = &old->targets[slot - old->heap];
			if (!*target)
				*target = next++;
		}
	}
}

static void fixItems(txSlot *items, txIndex count);

/* Slots that a value points to. Kinds that are not here point to none. */
static void fixValue(txSlot *slot)
{
	txValue *value = &slot->value;
	switch (slot->kind) {
	case XS_REFERENCE_KIND:
	case XS_CLOSURE_KIND:
	case XS_MODULE_KIND:
	case XS_PROGRAM_KIND:
	case XS_ERROR_KIND:
		value->reference = moved(value->reference);
		break;
	case XS_INSTANCE_KIND:
		value->instance.prototype = moved(value->instance.prototype);
		break;
	case XS_CALLBACK_KIND:
	case XS_CALLBACK_X_KIND:
	case XS_CODE_KIND:
	case XS_CODE_X_KIND:
		value->code.closures = moved(value->code.closures);
		break;
	case XS_ARRAY_KIND:
		if (value->array.address)
			fixItems(value->array.address, fxGetIndexSize(NULL, slot));
		break;
	case XS_MAP_KIND:
	case XS_SET_KIND: {
		txSize i;
		for (i = 0; i < value->table.length; i++)
			value->table.address[i] = moved(value->table.address[i]);
		break;
	}
	case XS_ENTRY_KIND:
		value->entry.slot = moved(value->entry.slot);
		break;
	/* Two pointers. */
	case XS_ACCESSOR_KIND:
	case XS_EXPORT_KIND:
	case XS_FINALIZATION_CELL_KIND:
	case XS_HOME_KIND:
	case XS_LIST_KIND:
	case XS_PRIVATE_KIND:
	case XS_PROXY_KIND:
	case XS_WEAK_ENTRY_KIND:
	case XS_WEAK_MAP_KIND:
	case XS_WEAK_REF_KIND:
	case XS_WEAK_SET_KIND:
		value->home.object = moved(value->home.object);
		value->home.module = moved(value->home.module);
		break;
	case XS_FINALIZATION_REGISTRY_KIND:
		value->finalizationRegistry.callback = moved(value->finalizationRegistry.callback);
		break;
	default:
		break;
	}
}

/* The `next` of an array's item is its index. */
static void fixItems(txSlot *items, txIndex count)
{
	while (count--)
		fixValue(items++);
}

static void fixTable(txSlot **table, txSize count)
{
	while (count--) {
		*table = moved(*table);
		table++;
	}
}

/* Moves the slots, and makes what was behind them unusable: a pointer that was missed shall not go unnoticed. */
static void moveAll(void)
{
	struct old *old;
	txSlot *slot;
	for (old = olds; old; old = old->next) {
		for (slot = old->heap + 1; slot < old->limit; slot++) {
			txSlot *target = old->targets[slot - old->heap];
			*target = *slot;
			target->next = moved(slot->next);
			fixValue(target);
			if (XS_INSTANCE_KIND == target->kind)
				target->flag |= XS_DONT_MARSHALL_FLAG;
		}
	}
}

static void forgetOlds(void)
{
	while (olds) {
		struct old *old = olds;
		olds = old->next;
		memset(old->heap, 0x5A, (old->limit - old->heap) * sizeof(txSlot));
		free(old->targets);
		free(old);
	}
}

void layoutBase(txMachine *the, void (*others)(txSlot *(*moved)(txSlot *)))
{
	noteOlds(the);
	makeGlobalOrdinary(the);
	chooseColours(the->keyIndex);
	placeAll();
	moveAll();
	fixItems(the->stack, the->stackTop - the->stack);
	fixTable(the->keyArray, the->keyIndex);
	fixTable(the->nameTable, the->nameModulo);
	fixTable(the->symbolTable, the->symbolModulo);
	others(moved);
	forgetOlds();
	the->firstHeap = NULL;
	the->freeHeap = NULL;
	the->colors = colors;
}
