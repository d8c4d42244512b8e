#!/usr/bin/python3
# source-check finds what was planted, and nothing in a clean tree
import os
import subprocess
import sys
import tempfile

count = 0
failures = 0

CLEAN = {
    "lib/thing.h": "#ifndef LIB_THING_H\n#define LIB_THING_H\n\n#include <stddef.h>\n\n"
                   "size_t thing_size(void);\n\n#endif\n",
    "lib/thing.c": '#include "lib/thing.h"\n\nsize_t thing_size(void)\n{\n\treturn 1;\n}\n',
    "loadgen/user.c": '#include "loadgen/user.h"\n\n#include "lib/thing.h"\n\nint user = 1;\n',
}
LONG = "int f(void)\n{\n" + "\tf();\n" * 71 + "\treturn 0;\n}\n"
TABLE = "int t[] = {\n" + "\t1,\n" * 90 + "};\n"

# what is planted, in which file, and what must be said about it
PLANTED = [
    ("lib includes loadgen", "lib/bad.c", '#include "loadgen/user.h"\n',
     "may not include loadgen/"),
    ("loadgen includes engine", "loadgen/bad.c", '#include "engine/run.h"\n',
     "may not include engine/"),
    ("reports include loadgen", "reports/bad.c", '#include "loadgen/user.h"\n',
     "may not include loadgen/"),
    ("engine includes cli", "engine/bad.c", '#include "cli/command.h"\n', "may not include cli/"),
    ("an include that is not root-relative", "lib/bad.c", '#include "thing.h"\n',
     "not a path from the root"),
    ("own header not first", "lib/thing.c",
     '#include <stdio.h>\n#include "lib/thing.h"\n', "is not included first"),
    ("a header that needs another", "lib/bad.h",
     "#ifndef LIB_BAD_H\n#define LIB_BAD_H\nsize_t bad(void);\n#endif\n", "does not stand alone"),
    ("no guard", "lib/bad.h", "int bad(void);\n", "no include guard"),
    ("a guard of another file", "lib/bad.h",
     "#ifndef LIB_GOOD_H\n#define LIB_GOOD_H\n#endif\n", "not named after the file"),
    ("a long function", "lib/bad.c", LONG, "a function of 72 lines"),
    ("a long file", "lib/bad.c", "int x;\n" * 801, "801 lines"),
    ("a wide line", "lib/bad.c", "\tint " + "x" * 90 + ";\n", "103 columns"),
    ("a space at the end", "lib/bad.c", "int x; \n", "space at the end"),
    ("no newline at the end", "lib/bad.c", "int x;", "no newline at the end"),
    ("something left to do", "docs/bad.md", "TO" + "DO: write\n", "left to do"),
    ("a path of a machine", "ci/bad.sh", "cd /ho" + "me/ada/x\n", "a path of one machine"),
    ("a library that prints", "lib/bad.c", 'int f(void)\n{\n\tprintf("x");\n}\n',
     "a library prints or exits"),
    ("a library that exits", "engine/bad.c", "int f(void)\n{\n\texit(1);\n}\n",
     "a library prints or exits"),
    ("spaces for tabs", "lib/bad.c", "        int x;\n", "indented with spaces"),
    ("a room nobody knows", "attic/bad.c", "int x;\n", "no room called"),
]
HARMLESS = [
    ("a long string", "lib/good.c", '\tconst char *s = "' + "x" * 120 + '";\n'),
    ("a long table", "lib/good.c", TABLE),
    ("cli prints", "cli/good.c", '#include "lib/thing.h"\n\nint f(void)\n{\n\tprintf("x");\n}\n'),
    ("snprintf in a library", "lib/good.c", "int f(void)\n{\n\tsnprintf(0, 0, 0);\n}\n"),
    ("_exit of a worker", "engine/good.c", "int f(void)\n{\n\t_exit(1);\n}\n"),
    ("printf in a comment", "lib/good.c", "/* like printf(format) */\nint x;\n"),
]


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in said.splitlines()), end="")


def check(extra):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, "loadgen/user.h": "#ifndef LOADGEN_USER_H\n#define "
                           "LOADGEN_USER_H\n#endif\n",
                           "engine/run.h": "#ifndef ENGINE_RUN_H\n#define ENGINE_RUN_H\n#endif\n",
                           "cli/command.h": "#ifndef CLI_COMMAND_H\n#define CLI_COMMAND_H\n"
                           "#endif\n", **extra}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(text)
        done = subprocess.run(["ci/source-check", root], capture_output=True, text=True)
        return done.returncode, done.stdout


code, said = check({})
ok(code == 0 and said == "", "a clean tree has no findings", said)
for name, path, text in HARMLESS:
    code, said = check({path: text})
    ok(code == 0, f"{name} is fine", said)
for name, path, text, wanted in PLANTED:
    code, said = check({path: text})
    ok(code == 1 and any(line.startswith(path + ":") and wanted in line
                         for line in said.splitlines()), f"{name} is found", said)
print(f"1..{count}")
sys.exit(1 if failures else 0)
