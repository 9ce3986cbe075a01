/* Lays the base machine's slots out as Moddable's linker lays them out in flash. See layout.c. */

#ifndef ALERTBOX_LAYOUT_H
#define ALERTBOX_LAYOUT_H

#include "xsAll.h"

/*
 * Moves all slots of a shared machine, so that a property is found at a fixed distance from its instance. `others` is
 * called with the mover for pointers to slots that the machine does not know.
 */
void layoutBase(txMachine *the, void (*others)(txSlot *(*moved)(txSlot *)));

#endif
