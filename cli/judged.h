/*
 * judged: the sagas of a run, judged before its reports are built.
 */
#ifndef CLI_JUDGED_H
#define CLI_JUDGED_H

#include "lib/error.h"

/*
 * Judges DIR/history, if sagas were to be watched there, and writes DIR/history/verdicts.json, and
 * DIR/witnesses.txt if something was violated. What an earlier judge wrote is gone in any case.
 */
bool judge_directory(const char *directory, struct error *err);

#endif
