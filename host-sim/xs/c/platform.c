/*
 * The small rest of a platform for XS: no wall clock, no eval, promise jobs, the limit of the C stack. It knows
 * nothing of messages or images.
 */

#include "xsAll.h"
#include "port.h"

/* The time of day is always the beginning of 1970. */
int fixedTimeOfDay(c_timeval *when, struct c_timezone *zone)
{
	(void)zone;
	when->tv_sec = 0;
	when->tv_usec = 0;
	return 0;
}

void fxCreateMachinePlatform(txMachine *the)
{
	the->host = the->context;
	the->promiseJobs = 0;
}

void fxDeleteMachinePlatform(txMachine *the)
{
	(void)the;
}

void fxQueuePromiseJobs(txMachine *the)
{
	the->promiseJobs = 1;
}

char *fxCStackLimit(void)
{
	return portStackLimit();
}

/* There is no parser on the chip, so there is none here: eval and Function throw a SyntaxError. */
txScript *fxParseScript(txMachine *the, void *stream, txGetter getter, txUnsigned flags)
{
	(void)the;
	(void)stream;
	(void)getter;
	(void)flags;
	return NULL;
}
