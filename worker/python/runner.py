"""Runs the functions of one module for the node that started this process.

Requests come on file descriptor 3, answers go out on 4, as frames: a length
of four bytes, big-endian, and as many bytes, of which the first is the type.
The frames are laid out in worker/frame.go. Standard output and standard error
are never part of the protocol: what a function prints is the log of its call.

Only the standard library is used, and nothing newer than Python 3.8.
"""

import importlib
import importlib.util
import json
import linecache
import mmap
import os
import signal
import struct
import sys
import time

REQUESTS, ANSWERS, LIVE = 3, 4, 5
MAX_FRAME = (64 << 20) + (1 << 20)
CALL, HELLO = 1, 2
READY, BEGUN, DONE = 1, 2, 3
OK, EXCEPTION, BAD_RESULT = 1, 2, 6

LENGTH = struct.Struct(">I")
REQUEST = struct.Struct(">BQI36s36sHHHH")  # type, seq, attempt, call, tracking, lengths of function and socket, counts of positional and named
BEGUN_FRAME = struct.Struct(">IBQ")
DONE_FRAME = struct.Struct(">IBQBqqIIIIIII")  # length, type, seq, outcome, started, ended, and the lengths of seven texts

SURE = frozenset((str, int, bool, type(None)))  # their values are always JSON
PLAIN = SURE | {float}  # their values are JSON when they could be encoded
INFINITY = float("inf")


class Live:
    """What the running call prints, in memory that the node reads when somebody follows the call.

    Three numbers are in front: which call it is, how much it has printed, and how much it will
    have printed when what is being written is there. Behind them is a ring of the latest bytes.
    worker/live_linux.go reads it.
    """

    HEAD = struct.Struct("=QQQ")
    NUMBER = struct.Struct("=Q")

    def __init__(self):
        self.size = os.fstat(LIVE).st_size - self.HEAD.size
        self.memory = mmap.mmap(LIVE, self.size + self.HEAD.size)
        os.close(LIVE)
        self.seq = self.printed = 0

    def begin(self, seq):
        self.seq, self.printed = seq + 1, 0

    def add(self, data):
        memory, head, size = self.memory, self.HEAD.size, self.size
        if not self.printed:
            self.HEAD.pack_into(memory, 0, self.seq, 0, 0)
        end = self.printed + len(data)
        self.NUMBER.pack_into(memory, 16, end)
        data = data[-size:]
        at = (end - len(data)) % size
        first = data[: size - at]
        memory[head + at : head + at + len(first)] = first
        if len(first) < len(data):
            rest = data[len(first) :]
            memory[head : head + len(rest)] = rest
        self.printed = end
        self.NUMBER.pack_into(memory, 8, end)


class Capture:
    """Stands for sys.stdout and sys.stderr: what is written is the current call's log."""

    encoding, errors, newlines, line_buffering, closed = "utf-8", "backslashreplace", None, True, False
    mode = "w"

    def __init__(self, bound, fd, live):
        self.bound, self.fd, self.live = bound, fd, live
        self.parts, self.size, self.running = [], 0, False
        self.buffer = CaptureBytes(self)

    def begin(self, seq):
        self.parts, self.size, self.running = [], 0, True
        self.live.begin(seq)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        if not self.running:  # at import, or from a thread that outlived its call
            write_all(self.fd, text.encode("utf-8", "backslashreplace"))
        else:
            if self.size < self.bound:
                self.parts.append(text[: self.bound])
            self.size += len(text)
            if text:
                self.live.add(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def end(self):
        """Gives what the call printed, and says how much of it was not kept."""
        self.running = False
        if not self.parts:
            return b""
        return self.bounded("".join(self.parts).encode("utf-8", "backslashreplace"))

    def bounded(self, log):
        if self.size <= self.bound and len(log) <= self.bound:
            return log
        note = b"\n... the rest of what was printed is not kept\n"
        return log[: self.bound - len(note)].decode("utf-8", "ignore").encode() + note

    def flush(self):
        pass

    def close(self):
        pass

    def fileno(self):
        return self.fd

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True

    def seekable(self):
        return False

    def reconfigure(self, **_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class CaptureBytes:
    """The .buffer of a Capture, for code that prints bytes."""

    mode, closed = "wb", False

    def __init__(self, capture):
        self.capture = capture

    def write(self, data):
        data = bytes(data)
        self.capture.write(data.decode("utf-8", "backslashreplace"))
        return len(data)

    def flush(self):
        pass

    def fileno(self):
        return self.capture.fd

    def isatty(self):
        return False

    def writable(self):
        return True


class CallEnvironment:
    """FLOW_CALL, FLOW_ATTEMPT, FLOW_TRACKING and FLOW_SOCKET in this process's environment.

    setenv of the C library keeps every value it was ever given, which would
    grow with each call. So each variable has one buffer, handed to putenv
    once, that is written over in place; os.environ's own copy is set beside it.
    """

    WIDTH = 512
    ID = struct.Struct("37s")  # an id of 36 letters, and the zero that ends it

    def __init__(self):
        self.call = self.tracking = self.attempt = self.socket = None
        self.buffers = {}
        self.copy = getattr(os.environ, "_data", None)
        try:
            import ctypes

            libc = ctypes.CDLL(None)
            for name in (b"FLOW_CALL", b"FLOW_ATTEMPT", b"FLOW_TRACKING", b"FLOW_SOCKET"):
                buffer = ctypes.create_string_buffer(name + b"=", len(name) + 1 + self.WIDTH)
                if libc.putenv(buffer) != 0:
                    raise OSError("putenv failed")
                self.buffers[name] = (buffer, memoryview(buffer).cast("B"), len(name) + 1)
        except Exception:  # no ctypes in this Python: the slow way is right too
            self.buffers = {}
        if not isinstance(self.copy, dict):
            self.buffers = {}

    def show(self, call, attempt, tracking, socket):
        """Sets what differs from the call before."""
        if call != self.call:
            self.call = call
            self.set_id(b"FLOW_CALL", call)
        if tracking != self.tracking:
            self.tracking = tracking
            self.set_id(b"FLOW_TRACKING", tracking)
        if attempt != self.attempt:
            self.attempt = attempt
            self.set(b"FLOW_ATTEMPT", b"%d" % attempt)
        if socket != self.socket:
            self.socket = socket
            self.set(b"FLOW_SOCKET", socket)

    def set_id(self, name, value):
        if name not in self.buffers:
            os.environb[name] = value
            return
        buffer, _, start = self.buffers[name]
        self.ID.pack_into(buffer, start, value)
        self.copy[name] = value

    def set(self, name, value):
        if name not in self.buffers or len(value) >= self.WIDTH:
            os.environb[name] = value
            return
        _, view, start = self.buffers[name]
        end = start + len(value)
        view[start : end + 1] = value + b"\0"
        self.copy[name] = value


def write_all(fd, data):
    written = os.write(fd, data) if data else 0
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def bounded(text, bound):
    """Keeps the beginning and the end of a text, as bytes."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= bound:
        return data
    note = b"\n... cut ...\n"
    head = bound // 4
    tail = bound - head - len(note)
    return (data[:head].decode("utf-8", "ignore").encode() + note + data[-tail:].decode("utf-8", "ignore").encode())


def type_name(cls):
    if cls.__module__ in ("builtins", "__main__"):
        return cls.__qualname__
    return cls.__module__ + "." + cls.__qualname__


def refuse_constant(text):
    raise ValueError(text + " is not JSON")


class BadResult(Exception):
    """The function returned what is not JSON."""


class Results:
    """Turns what a function returns into JSON text, or says what in it is not JSON."""

    def __init__(self, bound):
        self.bound = bound
        self.plain = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
        self.escaped = json.JSONEncoder(allow_nan=False, ensure_ascii=True, separators=(",", ":")).encode

    def encode(self, value, what="the result"):
        try:
            text = self.plain(value)
        except RecursionError:
            raise BadResult("%s is nested too deeply for JSON, or holds itself" % what) from None
        except (TypeError, ValueError) as error:
            raise BadResult(self.fault(value, what) or "%s is not JSON: %s" % (what, error)) from None
        if type(value) not in PLAIN:
            fault = self.fault(value, what)
            if fault:
                raise BadResult(fault)
        try:
            data = text.encode()
        except UnicodeEncodeError:  # a lone surrogate: only its escape is valid UTF-8
            data = self.escaped(value).encode()
        if len(data) > self.bound:
            raise BadResult("%s is %d bytes of JSON; at most %d are allowed" % (what, len(data), self.bound))
        return data

    def together(self, *texts):
        size = sum(map(len, texts))
        if size > self.bound:
            raise BadResult("result, plugs and output are %d bytes of JSON together; at most %d are allowed" % (size, self.bound))

    def fault(self, value, what):
        """Says what in a value is not JSON, and where; None when nothing is."""
        seen, todo = set(), [(value, what)]
        while todo:
            value, where = todo.pop()
            if isinstance(value, dict):
                if id(value) in seen:
                    continue
                seen.add(id(value))
                for key, inner in value.items():
                    if not isinstance(key, str):
                        return "%s has the key %s of type %s; keys in JSON are strings" % (where, short(key), type_name(type(key)))
                    if type(inner) not in SURE:
                        todo.append((inner, "%s[%s]" % (where, short(key))))
            elif isinstance(value, (list, tuple)):
                if id(value) in seen:
                    continue
                seen.add(id(value))
                for index, inner in enumerate(value):
                    if type(inner) not in SURE:
                        todo.append((inner, "%s[%d]" % (where, index)))
            elif isinstance(value, float):
                if value != value or value in (INFINITY, -INFINITY):
                    return "%s is %r, a float that JSON has no form for" % (where, value)
            elif not isinstance(value, (str, int, type(None))):
                return "%s is of type %s, which is not JSON%s" % (where, type_name(type(value)), remedy(value))
        return None


def remedy(value):
    """Says what to make of a value that is not JSON, where most people mean the same."""
    if hasattr(type(value), "__next__"):
        return "; it gives its values one by one, as a function with yield does: return list(...) of it"
    if hasattr(type(value), "__anext__"):
        return "; it gives its values one by one, as a coroutine with yield does: return [v async for v in ...]"
    if isinstance(value, (set, frozenset)):
        return "; return sorted(...) or list(...) of it"
    if isinstance(value, (bytes, bytearray)):
        return "; return a text: its decode(), or base64"
    return ""


def short(value):
    try:
        text = repr(value)
    except Exception:
        return "?"
    return text if len(text) <= 80 else text[:77] + "..."


class Function:
    """One function of the module, and what has to be known to call it."""

    def __init__(self, name, function):
        import inspect

        self.name, self.function = name, function
        self.routes = ()
        try:
            parameters = inspect.signature(function).parameters
            self.signature = name + str(inspect.signature(function))
        except (TypeError, ValueError):
            self.signature = name + "(...)"
            return
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.routes = tuple(n for n in ("plugs", "output") if n in parameters and parameters[n].kind in named)


class Runner:
    def __init__(self, hello):
        self.hello = hello
        self.functions = {}
        self.forked = False
        self.stdout = Capture(hello["max_log"], 1, Live())
        self.results = Results(hello["max_result"])
        self.decoder = json.JSONDecoder(parse_constant=refuse_constant)
        self.environment = CallEnvironment()
        sys.stdout = sys.stderr = self.stdout
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(0)  # integers arrive and leave as they are; what comes is bounded in bytes
        os.register_at_fork(after_in_child=self.in_fork)

    def in_fork(self):
        """A fork of this process must neither read requests nor answer them."""
        self.forked = True
        self.stdout.running = False
        for fd in (REQUESTS, ANSWERS):
            try:
                os.close(fd)
            except OSError:
                pass

    def load(self):
        self.load_module()
        for o in self.hello.get("overrides", ()):
            # The text runs in the module's namespace, so that it finds what the
            # function in whose place it is put would find.
            name = "<code of %s>" % o["function"]
            linecache.cache[name] = (len(o["code"]), None, o["code"].splitlines(keepends=True), name)
            exec(compile(o["code"], name, "exec"), vars(self.module))

    def load_module(self):
        sys.path[0:1] = self.hello["paths"]
        name, path = self.hello["module"], self.hello["file"]
        if not path:
            self.module = importlib.import_module(name)
            return
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None:
            raise ImportError("%s is not a Python file" % path)
        self.module = importlib.util.module_from_spec(spec)
        sys.modules[name] = self.module
        spec.loader.exec_module(self.module)

    def find(self, name):
        try:
            return self.functions[name]
        except KeyError:
            pass
        function = getattr(self.module, name, None)
        if not callable(function):
            there = sorted(n for n, f in vars(self.module).items() if callable(f) and not n.startswith("_"))
            raise AttributeError("module %s has no function %s; it has: %s" % (self.hello["module"], name, ", ".join(there)))
        found = self.functions[name] = Function(name, function)
        return found

    def serve(self):
        read, unpack = os.read, LENGTH.unpack_from
        data, at = b"", 0
        waiting = b""  # the answer to the last call, not yet written
        while True:
            have = len(data) - at
            if have >= 4:
                (size,) = unpack(data, at)
                if size > MAX_FRAME:
                    raise SystemExit("the node sent a frame of %d bytes" % size)
                if have >= 4 + size:
                    waiting = self.answer(data, at + 4, waiting)
                    at += 4 + size
                    continue
            # An answer never waits: not for a request, nor behind the next call.
            if waiting:
                write_all(ANSWERS, waiting)
                waiting = b""
            missing = 4 + size - have if have >= 4 else 0
            chunks = [data[at:]]
            while True:
                chunk = read(REQUESTS, max(missing, 1 << 16))
                if not chunk:
                    return
                chunks.append(chunk)
                missing -= len(chunk)
                if missing <= 0:
                    break
            data, at = b"".join(chunks), 0

    def answer(self, data, at, waiting):
        """Runs one call; gives its answer, still to be written."""
        (_, seq, attempt, call, tracking, n_function, n_socket, n_positional, n_named) = REQUEST.unpack_from(data, at)
        write_all(ANSWERS, waiting + BEGUN_FRAME.pack(9, BEGUN, seq))
        at += REQUEST.size
        name = data[at : at + n_function].decode()
        at += n_function
        self.environment.show(call, attempt, tracking, data[at : at + n_socket])
        at += n_socket
        self.stdout.begin(seq)
        started = time.time_ns() // 1000
        result = plugs = output = failed = message = traceback = b""
        routed = {}
        try:
            positional, named = self.arguments(data, at, n_positional, n_named)
            function = self.find(name)
            for route in function.routes:
                if route not in named:
                    named[route] = routed[route] = {}
            outcome = OK
            value = self.call(function, positional, named)
            result = b"null" if value is None else self.results.encode(value)
            if routed:
                plugs, output = self.routed(routed)
                self.results.together(result, plugs, output)
        except BadResult as error:
            outcome, failed, message = BAD_RESULT, b"bad_result", bounded("%s: %s" % (name, error), 4096)
            result = plugs = output = b""
        except BaseException as error:
            outcome = EXCEPTION
            failed, message, traceback = self.failure(error)
        if self.forked:
            os._exit(0)
        ended = time.time_ns() // 1000
        log = self.stdout.end()
        body = result + log + failed + message + traceback + plugs + output
        return DONE_FRAME.pack(
            DONE_FRAME.size - 4 + len(body), DONE, seq, outcome, started, ended,
            len(result), len(log), len(failed), len(message), len(traceback), len(plugs), len(output),
        ) + body  # fmt: skip

    def decode(self, text):
        """Reads JSON. json's own decode looks for blanks at both ends first, which takes longer than most values do."""
        try:
            value, end = self.decoder.raw_decode(text)
        except json.JSONDecodeError:
            end = -1
        return value if end == len(text) else self.decoder.decode(text)

    def arguments(self, data, at, n_positional, n_named):
        positional, named = [], {}
        decode, unpack = self.decode, LENGTH.unpack_from
        for _ in range(n_positional):
            (size,) = unpack(data, at)
            at += 4
            positional.append(decode(data[at : at + size].decode()))
            at += size
        for _ in range(n_named):
            (size,) = unpack(data, at)
            at += 4
            name = data[at : at + size].decode()
            at += size
            (size,) = unpack(data, at)
            at += 4
            named[name] = decode(data[at : at + size].decode())
            at += size
        return positional, named

    def call(self, function, positional, named):
        try:
            value = function.function(*positional, **named)
        except TypeError as error:
            # No frame below this one: the call itself did not fit the function.
            if error.__traceback__.tb_next is None:
                error.args = ("%s; the signature is %s" % (error, function.signature),)
            raise
        if hasattr(value, "__await__") and hasattr(value, "send"):
            import asyncio

            return asyncio.run(value)
        return value

    def routed(self, routed):
        out = []
        for route in ("plugs", "output"):
            value = routed.get(route)
            out.append(self.results.encode(value, route) if value else b"")
        return out

    def failure(self, error):
        import traceback

        try:
            message = str(error)
        except Exception as inner:
            message = "its message cannot be shown: %s" % type(inner).__name__
        try:
            cut_own_frames(error)
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        except Exception:
            text = ""
        return (
            bounded(type_name(type(error)), 200),
            bounded(message, 4096),
            bounded(text, self.hello["max_traceback"]),
        )


def cut_own_frames(error):
    """Takes this file's frames off an exception and its causes, so that only user code is shown."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        tb = error.__traceback__
        while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
            tb = tb.tb_next
        error.__traceback__ = tb
        error = error.__context__ if error.__cause__ is None else error.__cause__


def read_hello():
    size = LENGTH.unpack(read_exactly(4))[0]
    frame = read_exactly(size)
    if frame[0] != HELLO:
        raise SystemExit("the node's first frame is of type %d" % frame[0])
    return json.loads(frame[1:])


def read_exactly(size):
    data = b""
    while len(data) < size:
        chunk = os.read(REQUESTS, size - len(data))
        if not chunk:
            raise SystemExit("the node has gone")
        data += chunk
    return data


def main():
    # A handler, unlike SIG_IGN, is not inherited by the programs that functions start.
    signal.signal(signal.SIGINT, lambda *_: None)
    for fd in (REQUESTS, ANSWERS):
        os.set_inheritable(fd, False)
    hello = read_hello()
    try:
        import faulthandler

        faulthandler.enable(2)
    except Exception:
        pass
    runner = Runner(hello)
    try:
        runner.load()
    except BaseException as error:
        _, _, text = runner.failure(error)
        write_all(2, text)
        os._exit(70)
    import traceback  # the first exception must not have to wait for these, nor be changed by what user code did to sys.path
    import inspect

    write_all(ANSWERS, struct.pack(">IB", 1, READY))
    runner.serve()


if __name__ == "__main__":
    main()
