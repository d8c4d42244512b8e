"use strict";
/* Convenience only: everything is there without it. */
