/*
 * Compiles modules to an image, as xsc does for a release: no line numbers, no names of files. Only the host program
 * has a parser.
 */

#include "compile.h"
#include "image.h"
#include "xsScript.h"

static const char *currentPath;

static void report(void *console, txString path, txInteger line, txString format, c_va_list arguments)
{
	(void)console;
	(void)path;
	fprintf(stderr, "%s:%d: ", currentPath, (int)line);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

static void ignore(void *console, txString path, txInteger line, txString format, c_va_list arguments)
{
	(void)console;
	(void)path;
	(void)line;
	(void)format;
	(void)arguments;
}

static txScript *parse(FILE *file)
{
	txParser parser;
	txParserJump jump;
	txScript *volatile script = NULL;

	fxInitializeParser(&parser, NULL, 64 * 1024, 1993);
	parser.reportError = report;
	parser.reportWarning = ignore;
	parser.firstJump = &jump;
	if (0 == setjmp(jump.jmp_buf)) {
		fxParserTree(&parser, file, (txGetter)fgetc, 0, NULL);
		if (0 == parser.errorCount)
			fxParserHoist(&parser);
		if (0 == parser.errorCount)
			fxParserBind(&parser);
		if (0 == parser.errorCount)
			script = fxParserCode(&parser);
	}
	if (parser.errorCount)
		script = NULL;
	fxTerminateParser(&parser);
	return script;
}

/* The opcode that does the same in place. */
static txU1 inPlace(txU1 code)
{
	if ((XS_CODE_CODE_1 <= code) && (code <= XS_CODE_CODE_4))
		return code - XS_CODE_CODE_1 + XS_CODE_CODE_ARCHIVE_1;
	if ((XS_CODE_STRING_1 <= code) && (code <= XS_CODE_STRING_4))
		return code - XS_CODE_STRING_1 + XS_CODE_STRING_ARCHIVE_1;
	return code;
}

/*
 * XS copies each string and each function body out of the bytecode when it is evaluated, unless it has these opcodes.
 * Moddable's linker writes them in modules that are not preloaded, and only there (xs/tools/xslBase.c, fxMapCode): so
 * a literal in preloaded code is garbage on the chip, and here.
 */
static void putInPlace(txScript *script)
{
	txU1 *at = (txU1 *)script->codeBuffer;
	const txU1 *end = at + script->codeSize;
	while (at < end) {
		int size = gxCodeSizes[*at];
		*at = inPlace(*at);
		switch (size) {
		case 0:
			at += 1 + sizeof(txID);
			break;
		case -1:
			at += 2 + at[1];
			break;
		case -2:
			at += 3 + read16(at + 1);
			break;
		case -4:
			at += 5 + read32(at + 1);
			break;
		default:
			at += size;
			break;
		}
	}
}

/* Each part begins with its length. Parts are not aligned: bytecode is read in bytes. */
static void writePart(FILE *file, const void *bytes, uint32_t length)
{
	fwrite(&length, sizeof(length), 1, file);
	fwrite(bytes, length, 1, file);
}

static void writeModule(FILE *file, const char *specifier, uint8_t isPreloaded, const txScript *script)
{
	writePart(file, &isPreloaded, 1);
	writePart(file, specifier, strlen(specifier) + 1);
	writePart(file, script->symbolsBuffer, script->symbolsSize);
	writePart(file, script->codeBuffer, script->codeSize);
}

static int compileModule(FILE *image, const char *specifier, const char *path, int isPreloaded)
{
	FILE *file = fopen(path, "r");
	txScript *script;

	if (!file) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	currentPath = path;
	script = parse(file);
	fclose(file);
	if (!script)
		return 1;
	if (!isPreloaded)
		putInPlace(script);
	writeModule(image, specifier, isPreloaded, script);
	printf("{\"specifier\":\"%s\",\"bytes\":%d}\n", specifier, (int)script->codeSize);
	return 0;
}

int compileImage(const char *list, const char *path)
{
	int length, status = 0;
	char *line = (char *)readWhole(list, &length);
	FILE *image = fopen(path, "w");
	uint32_t header[2] = { IMAGE_MAGIC, 0 };

	if (!image)
		fail("cannot be written", path);
	fwrite(header, sizeof(header), 1, image);
	while (*line) {
		char *next = line + strcspn(line, "\n");
		char *source, *flag;
		if (*next)
			*next++ = 0;
		source = strchr(line, '\t');
		flag = source ? strchr(source + 1, '\t') : NULL;
		if (!flag)
			fail("a line is specifier, path and 0 or 1, with tabs between", list);
		*source++ = *flag++ = 0;
		status |= compileModule(image, line, source, '1' == *flag);
		header[1]++;
		line = next;
	}
	fseek(image, 0, SEEK_SET);
	fwrite(header, sizeof(header), 1, image);
	if (fclose(image))
		fail("cannot be written", path);
	return status;
}
