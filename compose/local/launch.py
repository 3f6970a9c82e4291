"""Becomes one program of the stack: reads how from a file, drops root if told to, and executes it.

supervisord starts `python -S -E launch.py FILE FINGERPRINT`. Secrets thus stay out of its own file, and
programs get the variables in FILE and no others. The fingerprint of FILE's content only makes
supervisord see that a program changed. Standard library only, since this runs at every start.
"""

from __future__ import annotations

import json
import os
import sys


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        program = json.load(file)
    for file_name in program["discard"]:
        if os.path.exists(file_name):
            os.unlink(file_name)
    if program["account"] is not None:
        uid, gid = program["account"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.chdir(program["folder"])
    os.umask(0o077)
    os.execve(program["command"][0], program["command"], program["environment"])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1])
