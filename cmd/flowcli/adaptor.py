import importlib
import json
import os
import sys

# Each message that was taken is acknowledged with a line here; the first says
# that the function is there.
TAKEN = 3


def resolve(path):
    """The callable that a dotted path names; of a class one object is made."""
    sys.path.insert(0, os.getcwd())
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if not ".".join(parts[:end]).startswith(error.name or "\0"):
                raise
            continue
        for name in parts[end:]:
            found = getattr(found() if isinstance(found, type) else found, name)
        return found
    raise SystemExit(f"adaptor {path}: there is no such module")


os.set_inheritable(TAKEN, False)
take = resolve(sys.argv[1])
os.write(TAKEN, b"\n")
for line in sys.stdin:
    take(json.loads(line))
    sys.stdout.flush()
    os.write(TAKEN, b"\n")
