/* What one call into firmware costs. See meter.c. */

#ifndef ALERTBOX_METER_H
#define ALERTBOX_METER_H

#include "xsAll.h"

/* Around a call into firmware, on the program's stack. */
void meterBegin(txMachine *the);
void meterEnd(txMachine *the);

/* Around what counts of it. */
void meterStart(void);
void meterStop(void);

/* Around what the harness does in between. */
void meterPause(void);
void meterResume(void);

/* Writes the record of the last call into the frame under construction. */
void meterPut(void);

#endif
