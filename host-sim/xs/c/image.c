/*
 * The bytecode of a program in one piece of memory, where it also runs: a module's functions point into it, as they
 * point into flash on the chip. Implements XS's search for modules: a specifier is the name of a module or is none.
 */

#include "image.h"
#include "port.h"

static struct image only;

/* Of xsRun.c, which declares it for itself alone. */
extern void fxRemapIDs(txMachine *the, txByte *code, txSize size, txID *ids);

void fail(const char *what, const char *which)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%s: %s\n", which, what);
	portPrint(line, length < (int)sizeof(line) ? length : (int)sizeof(line) - 1);
	portExit(2);
}

uint8_t *readWhole(const char *path, int *length)
{
	int file = portOpen(path, 0);
	int total = (file < 0) ? -1 : portLength(file);
	int done = 0;
	uint8_t *bytes;

	if (total < 0)
		fail("cannot be read", path);
	bytes = malloc(total + 1);
	if (!bytes)
		fail("too large", path);
	while (done < total) {
		int count = portRead(file, bytes + done, total - done);
		if (count <= 0)
			fail("cannot be read", path);
		done += count;
	}
	portClose(file);
	bytes[total] = 0;
	*length = total;
	return bytes;
}

static uint8_t *part(uint8_t **at, const uint8_t *end, txSize *size)
{
	uint8_t *result = *at + 4;
	if (end - *at < 4)
		fail("too short", "image");
	*size = (txSize)read32(*at);
	if ((*size < 0) || (*size > end - result))
		fail("too short", "image");
	*at = result + *size;
	return result;
}

struct image *imageRead(const char *path)
{
	int length;
	uint8_t *at = readWhole(path, &length);
	const uint8_t *end = at + length;
	int i;

	if ((length < 8) || (IMAGE_MAGIC != read32(at)))
		fail("is no image of this program", path);
	only.count = (int)read32(at + 4);
	only.modules = calloc(only.count, sizeof(struct module));
	at += 8;
	for (i = 0; i < only.count; i++) {
		struct module *module = &only.modules[i];
		txScript *script = &module->script;
		txSize size;
		module->isPreloaded = *part(&at, end, &size);
		module->specifier = (char *)part(&at, end, &size);
		script->path = module->specifier;
		script->symbolsBuffer = (txS1 *)part(&at, end, &script->symbolsSize);
		script->codeBuffer = (txS1 *)part(&at, end, &script->codeSize);
		script->version[0] = XS_MAJOR_VERSION;
		script->version[1] = XS_MINOR_VERSION;
		script->version[2] = XS_PATCH_VERSION;
	}
	return &only;
}

void imageIntern(txMachine *the, struct image *image)
{
	int i;
	for (i = 0; i < image->count; i++) {
		txScript *script = &image->modules[i].script;
		txByte *at = script->symbolsBuffer;
		txID count, id;
		txID *ids;

		mxDecodeID(at, count);
		ids = malloc(count * sizeof(txID));
		if (!ids)
			fail("too many names", image->modules[i].specifier);
		ids[0] = XS_NO_ID;
		for (id = 1; id < count; id++) {
			ids[id] = fxNewNameX(the, (txString)at);
			at += strlen((char *)at) + 1;
		}
		fxRemapIDs(the, script->codeBuffer, script->codeSize, ids);
		/* Without its names fxRunScript leaves the bytecode where it is. */
		script->symbolsBuffer = NULL;
		free(ids);
	}
}

static struct module *find(const char *specifier)
{
	int i;
	for (i = 0; i < only.count; i++) {
		if (0 == strcmp(specifier, only.modules[i].specifier))
			return &only.modules[i];
	}
	return NULL;
}

txID fxFindModule(txMachine *the, txSlot *realm, txID moduleID, txSlot *slot)
{
	(void)realm;
	(void)moduleID;
	return find(slot->value.string) ? fxNewNameC(the, slot->value.string) : XS_NO_ID;
}

void fxLoadModule(txMachine *the, txSlot *slot, txID moduleID)
{
	struct module *module = find(fxGetKeyName(the, moduleID));
	if (module)
		fxResolveModule(the, slot, moduleID, &module->script, NULL, NULL);
}
