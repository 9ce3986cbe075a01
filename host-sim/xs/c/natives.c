/*
 * The simulator's classes and functions, made from a table in the base machine, where the chip has its own in flash.
 * A function of C does not know for which of its names it is called, so there is one function per line of the table;
 * all of them only pass the line on.
 */

#include "image.h"
#include "machine.h"
#include "natives.h"

#define MOST_LINES 128

struct native {
	const char *specifier;
	const char *export;
	enum nativeKind kind;
	const char *member;
	int argc;
	/* Of a constructor, once it is made. */
	txSlot *prototype;
};

static struct native natives[MOST_LINES];
static int lines;

#define ONE(LINE) static void native##LINE(txMachine *the) { remote(the, 0x##LINE); }
#define EACH16(ONE, HIGH) \
	ONE(HIGH##0) ONE(HIGH##1) ONE(HIGH##2) ONE(HIGH##3) ONE(HIGH##4) ONE(HIGH##5) ONE(HIGH##6) ONE(HIGH##7) \
	ONE(HIGH##8) ONE(HIGH##9) ONE(HIGH##a) ONE(HIGH##b) ONE(HIGH##c) ONE(HIGH##d) ONE(HIGH##e) ONE(HIGH##f)
#define EACH(ONE) \
	EACH16(ONE, 0) EACH16(ONE, 1) EACH16(ONE, 2) EACH16(ONE, 3) \
	EACH16(ONE, 4) EACH16(ONE, 5) EACH16(ONE, 6) EACH16(ONE, 7)
#define NAME(LINE) native##LINE,

EACH(ONE)

static const txCallback functions[MOST_LINES] = { EACH(NAME) };

static enum nativeKind kindOf(const char *word)
{
	static const char *const words[] = {
		"constructor", "method", "getter", "setter", "function", "staticgetter", "staticsetter", "clock",
	};
	unsigned i;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (0 == strcmp(word, words[i]))
			return (enum nativeKind)i;
	}
	fail("no such kind", word);
}

/* Cuts the next field off. */
static char *field(char **at, char delimiter)
{
	char *result = *at;
	char *end = strchr(result, delimiter);
	if (end) {
		*end = 0;
		*at = end + 1;
	}
	else
		*at = result + strlen(result);
	return result;
}

void nativesRead(const char *path)
{
	int length;
	char *text = (char *)readWhole(path, &length);
	while (*text) {
		char *line = field(&text, '\n');
		struct native *native = &natives[lines];
		if (lines >= MOST_LINES)
			fail("has more than 128 lines", path);
		if (atoi(field(&line, '\t')) != lines)
			fail("its lines are not numbered from 0", path);
		native->specifier = field(&line, '\t');
		native->export = field(&line, '\t');
		native->kind = kindOf(field(&line, '\t'));
		native->member = field(&line, '\t');
		native->argc = atoi(line);
		lines++;
	}
}

enum nativeKind nativeKind(int line)
{
	return natives[line].kind;
}

int nativeLine(txSlot *function)
{
	txSlot *code = function->next;
	int line;
	if (!code || ((XS_CALLBACK_KIND != code->kind) && (XS_CALLBACK_X_KIND != code->kind)))
		return -1;
	for (line = 0; line < lines; line++) {
		if (functions[line] == code->value.callback.address)
			return line;
	}
	return -1;
}

txSlot *nativePrototype(int line)
{
	if ((line < 0) || (line >= lines) || !natives[line].prototype)
		fail("no such class", "frame");
	return natives[line].prototype;
}

int nativesHaveClock(void)
{
	int line;
	for (line = 0; line < lines; line++) {
		if (NATIVE_CLOCK == natives[line].kind)
			return 1;
	}
	return 0;
}

static int isOf(const struct native *native, const char *specifier, const char *export)
{
	return (0 == strcmp(native->specifier, specifier)) && (0 == strcmp(native->export, export));
}

/* The other half of an accessor; NULL when it has none. */
static txCallback half(const struct native *native, enum nativeKind kind)
{
	int line;
	for (line = 0; line < lines; line++) {
		const struct native *other = &natives[line];
		if ((kind != other->kind) || !isOf(other, native->specifier, native->export))
			continue;
		if (0 == strcmp(native->member, other->member))
			return functions[line];
	}
	return NULL;
}

/* Adds a line to the object on top of the stack, unless it belongs elsewhere. */
static void add(txMachine *the, int line, int isStatic)
{
	const struct native *native = &natives[line];
	txSlot *last = fxLastProperty(the, the->stack->value.reference);
	enum nativeKind getter = isStatic ? NATIVE_STATIC_GETTER : NATIVE_GETTER;
	enum nativeKind setter = isStatic ? NATIVE_STATIC_SETTER : NATIVE_SETTER;
	txID id = fxID(the, (txString)native->member);

	if ((isStatic ? NATIVE_FUNCTION : NATIVE_METHOD) == native->kind)
		fxNextHostFunctionProperty(the, last, functions[line], native->argc, id, XS_DONT_ENUM_FLAG);
	else if ((getter == native->kind) || (isStatic && (NATIVE_CLOCK == native->kind)))
		fxNextHostAccessorProperty(the, last, functions[line], half(native, setter), id, XS_DONT_ENUM_FLAG);
	else if ((setter == native->kind) && !half(native, getter))
		fxNextHostAccessorProperty(the, last, NULL, functions[line], id, XS_DONT_ENUM_FLAG);
}

static void addAll(txMachine *the, const char *specifier, const char *export, int isStatic)
{
	int line;
	for (line = 0; line < lines; line++) {
		const struct native *native = &natives[line];
		if (isOf(native, specifier, export) && *native->member && (NATIVE_CONSTRUCTOR != native->kind))
			add(the, line, isStatic);
	}
}

static int find(const char *specifier, const char *export, enum nativeKind kind)
{
	int line;
	for (line = 0; line < lines; line++) {
		const struct native *native = &natives[line];
		int isExport = (NATIVE_FUNCTION != kind) || !*native->member;
		if ((kind == native->kind) && isExport && isOf(native, specifier, export))
			return line;
	}
	return -1;
}

static void pushClass(txMachine *the, int line)
{
	struct native *native = &natives[line];
	const char *name = *native->member ? native->member : native->export;

	fxNewObject(the);
	native->prototype = the->stack->value.reference;
	addAll(the, native->specifier, native->export, 0);
	fxNewHostConstructor(the, functions[line], native->argc, fxID(the, (txString)name));
	addAll(the, native->specifier, native->export, 1);
}

/* native(specifier, export): the class, the function or the object of functions that the table has for it. */
static void makeNative(txMachine *the)
{
	const char *specifier = fxToString(the, mxArgv(0));
	const char *export = fxToString(the, mxArgv(1));
	int line;

	if ((line = find(specifier, export, NATIVE_CONSTRUCTOR)) >= 0)
		pushClass(the, line);
	else if ((line = find(specifier, export, NATIVE_FUNCTION)) >= 0)
		fxNewHostFunction(the, functions[line], natives[line].argc, fxID(the, (txString)export), XS_NO_ID);
	else {
		fxNewObject(the);
		addAll(the, specifier, export, 1);
		if (!the->stack->value.reference->next)
			mxTypeError("native: nothing in the table for %s, %s", specifier, export);
	}
	mxPullSlot(mxResult);
}

void nativesBegin(txMachine *the)
{
	machineDefine(the, "native", makeNative, 2);
}

void nativesEnd(txMachine *the)
{
	mxPush(mxGlobal);
	fxDeleteID(the, fxID(the, "native"));
	mxPop();
}

void nativesMove(txSlot *(*moved)(txSlot *slot))
{
	int line;
	for (line = 0; line < lines; line++)
		natives[line].prototype = (*moved)(natives[line].prototype);
}
