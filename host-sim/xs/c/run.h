/* A laboratory for firmware. See run.c. */

#ifndef ALERTBOX_RUN_H
#define ALERTBOX_RUN_H

/* Serves messages until the FIFO ends. Gives the exit status. */
int runLab(const char *imagePath, const char *classesPath, const char *inPath, const char *outPath);

#endif
