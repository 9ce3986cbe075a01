/* Host objects and callbacks, by the numbers that messages name them by. See objects.c. */

#ifndef ALERTBOX_OBJECTS_H
#define ALERTBOX_OBJECTS_H

#include "xsAll.h"

struct object;

/* Numbers from here on are given by the simulator, for objects that it returns. */
#define FOREIGN_HANDLES 0x80000000u

/* Host hooks of every instance. */
extern const txHostHooks objectHooks;

/* Makes the reference on top of the stack, a host instance, an object. A handle of 0 asks for a fresh one. */
struct object *objectMake(txMachine *the, txSlot *reference, uint32_t handle, uint16_t line);
/* The object of a value; NULL when it is none. */
struct object *objectOf(const txSlot *value);
struct object *objectFind(uint32_t handle);
uint32_t objectHandle(const struct object *object);
uint16_t objectLine(const struct object *object);
txSlot *objectInstance(const struct object *object);
/* It is no root any more: it lives as long as firmware holds it. */
void objectRelease(txMachine *the, uint32_t handle);

/* Keeps a function and gives its number. Until an owner is set it is a root. */
uint32_t callbackMake(txMachine *the, const txSlot *function);
/* All callbacks made since the last call of this live with `owner`, when there is one. */
void callbacksAdopt(txMachine *the, struct object *owner);
/* NULL when it was released. */
const txSlot *callbackFind(uint32_t id);
void callbackRelease(txMachine *the, uint32_t id);

/* Forgets everything, behind the machine's end. */
void objectsForget(void);

#endif
