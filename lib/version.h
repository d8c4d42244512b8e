#ifndef LIB_VERSION_H
#define LIB_VERSION_H

#define SAGASTORM_VERSION "0.1.0"
#define SAGASTORM_RELEASED "November 20, 2026"

#endif
