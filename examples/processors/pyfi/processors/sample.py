"""Example processors: what a function can do, and what can become of it.

Each public function here is a task. `flowcli spawn -g file:///path/of/this/repository
-m pyfi.processors.sample` gives each one a socket, `pyfi.processors.sample.NAME`.
Arguments and results are JSON values; the standard library is all that is needed.
"""

import os
import subprocess
import sys
import time


def do_something(message, *args):
    """Gives "TEXT:", the message and the other arguments, these joined by spaces."""
    return "TEXT:" + str(message) + " ".join(str(a) for a in args)


def do_this(message, *args):
    """Gives "Do this String: ", the message and the other arguments, these joined by spaces."""
    return "Do this String: " + str(message) + " ".join(str(a) for a in args)


def emit_one(one):
    """Gives its argument as it came."""
    return one


def emit_two(two):
    """Gives its argument as it came."""
    return two


def add_two(one, two):
    """Adds two whole numbers, which may come as texts."""
    return int(one) + int(two)


def type_of(value):
    """Tells which Python value arrived: {"type": its class, "repr": how Python writes it}."""
    return {"type": type(value).__name__, "repr": repr(value)}


def fail(reason="it was asked to"):
    """Raises a ValueError with the reason."""
    raise ValueError(reason)


def succeed_at(attempt):
    """Fails until its call's attempt has this number (1 is the first), and gives the attempt that succeeded."""
    now = int(os.environ["FLOW_ATTEMPT"])
    if now < attempt:
        raise RuntimeError("attempt %d of at least %d" % (now, attempt))
    return now


def which_call():
    """Gives the call's id and attempt, with which a function can make what it does outside idempotent."""
    return {"call": os.environ["FLOW_CALL"], "attempt": int(os.environ["FLOW_ATTEMPT"]), "tracking": os.environ["FLOW_TRACKING"]}


def sleep_for(seconds):
    """Sleeps for so many seconds, and gives them."""
    time.sleep(seconds)
    return seconds


def burn(seconds):
    """Keeps one CPU busy for so many seconds, and gives how many rounds it did."""
    rounds, until = 0, time.process_time() + seconds
    while time.process_time() < until:
        rounds += 1
    return rounds


def say(text, times=1):
    """Prints the text, to standard output and to standard error, which are the call's log."""
    for _ in range(times):
        print(text)
        print(text, file=sys.stderr)


def exit_process(status=1):
    """Ends its worker process: the attempt has crashed, and the call is tried again on another."""
    os._exit(status)


def exit_once():
    """Ends its worker process in the first attempt; the second gives "survived"."""
    if int(os.environ["FLOW_ATTEMPT"]) == 1:
        os._exit(1)
    return "survived"


def hang():
    """Never returns; the processor's time limit ends it."""
    while True:
        time.sleep(3600)


def hang_once():
    """Never returns in the first attempt; the second gives "survived"."""
    if int(os.environ["FLOW_ATTEMPT"]) == 1:
        hang()
    return "survived"


def leave_child(own_session=False):
    """Leaves a process behind, on request in a session of its own, and gives its process id.

    It ends with its worker, whatever the worker dies of.
    """
    child = subprocess.Popen(["sleep", "3600"], start_new_session=own_session)
    return child.pid


def leave_family():
    """Leaves a child with a child of its own, and a daemon that has cut all its ties, and gives the process ids.

    The daemon has a session of its own, no parent that lives, an empty environment and no open files.
    """
    hold = "trap '' TERM HUP INT; while :; do sleep 3600; done"
    child = subprocess.Popen(["sh", "-c", "sh -c \"%s\" & echo $!; %s" % (hold, hold)], stdout=subprocess.PIPE)
    grandchild = int(child.stdout.readline())
    from_daemon, to_parent = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(to_parent, b"%d\n" % os.getpid())
            os.execve("/bin/sh", ["sh", "-c", "exec <&- >&- 2>&-; " + hold], {"PATH": os.environ["PATH"]})
        os._exit(0)
    os.wait()
    return [child.pid, grandchild, int(os.read(from_daemon, 20))]


def process_id():
    """Gives the worker's process id."""
    return os.getpid()


def not_json():
    """Returns a set inside a list, which is not JSON: the call fails and names the type and the place."""
    return [1, {"a", "set"}]


def large(size):
    """Gives a text of so many bytes."""
    return "x" * size


async def later(value, seconds=0.01):
    """Waits without keeping the CPU, as a coroutine, and gives the value."""
    import asyncio

    await asyncio.sleep(seconds)
    return value
