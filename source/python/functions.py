"""Reads a module's text from standard input and writes its public functions as JSON.

The text is parsed, never run. Kinds of parameters are numbered like
flow.v1.ArgumentKind.
"""

import ast
import io
import json
import sys
import tokenize

POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, VAR_POSITIONAL, KEYWORD_ONLY, VAR_KEYWORD = range(5)


def parameters(node, text):
    a = node.args
    out = []

    def add(arg, kind, default=None):
        shown = ""
        if default is not None:
            shown = ast.get_source_segment(text, default) or "..."
        out.append({"name": arg.arg, "kind": kind, "has_default": default is not None, "default_text": shown[:1000]})

    plain = a.posonlyargs + a.args
    defaults = [None] * (len(plain) - len(a.defaults)) + a.defaults
    for i, (arg, default) in enumerate(zip(plain, defaults)):
        add(arg, POSITIONAL_ONLY if i < len(a.posonlyargs) else POSITIONAL_OR_KEYWORD, default)
    if a.vararg:
        add(a.vararg, VAR_POSITIONAL)
    for arg, default in zip(a.kwonlyargs, a.kw_defaults):
        add(arg, KEYWORD_ONLY, default)
    if a.kwarg:
        add(a.kwarg, VAR_KEYWORD)
    return out


def functions(data):
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    lines = text.splitlines(keepends=True)
    found = {}
    for node in ast.parse(data).body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name.startswith("_"):
            continue
        first = min([node.lineno] + [d.lineno for d in node.decorator_list])
        found[node.name] = {  # one defined again takes the first one's place, as in Python
            "name": node.name,
            "doc": ast.get_docstring(node) or "",
            "source": "".join(lines[first - 1 : node.end_lineno]),
            "parameters": parameters(node, text),
        }
    return list(found.values())


def main():
    try:
        answer = {"functions": functions(sys.stdin.buffer.read())}
    except SyntaxError as e:
        where = "line %s: " % e.lineno if e.lineno else ""
        shown = ": " + e.text.strip()[:200] if e.text else ""
        answer = {"error": "%s%s%s" % (where, e.msg, shown)}
    except (ValueError, RecursionError, MemoryError, LookupError) as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    sys.stdout.write(json.dumps(answer))


main()
