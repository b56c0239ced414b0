package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

const functions = `
import asyncio, os, subprocess, sys, enum, logging, threading
from collections import namedtuple
logging.basicConfig(level=logging.INFO, format="%(message)s")

def type_of(value, *more): return [type(value).__name__, repr(value)] + [repr(m) for m in more]
def echo(*args, **named): return [list(args), named]
def give(code): return eval(code)
def add(one, two=5): return one + two
def fail(text): raise ValueError(text)
def deep(): return deep()
def chained():
    try: fail("first")
    except ValueError as e: raise RuntimeError("second") from e
async def later(value):
    await asyncio.sleep(0.001)
    return value
def say(text):
    print(text); print(text, file=sys.stderr); sys.stdout.buffer.write(text.encode()); logging.info("logged " + text)
def flood(n): print("x" * n)
def many(n):
    for i in range(n): print("y" * 99)
def child(text): subprocess.run(["echo", text], check=True)
def environment():
    shell = subprocess.run(["sh", "-c", "echo $FLOW_CALL $FLOW_ATTEMPT $FLOW_TRACKING"], stdout=subprocess.PIPE).stdout.decode().split()
    own = [os.environ["FLOW_CALL"], os.environ["FLOW_ATTEMPT"], os.environ["FLOW_TRACKING"]]
    assert shell == own, (shell, own)
    return own + [os.environ["FLOW_SOCKET"]]
def secrets(): return [n for n in os.environ if n.startswith("FLOW_")]
def descriptors():
    return subprocess.run(["sh", "-c", "ls /proc/self/fd"], stdout=subprocess.PIPE, close_fds=False).stdout.decode().split()
def fork():
    pid = os.fork()
    if pid == 0:
        return "child"
    os.waitpid(pid, 0)
    return "parent"
def route(value, plugs, *, output=None):
    plugs["left"] = value; output["note"] = "kept"
    return value
def where(): return os.getcwd()
def interrupt():
    os.kill(os.getpid(), 2); return "alive"
def own(): raise Unusual("odd")
class Unusual(BaseException): pass
class Color(enum.IntEnum): RED = 1
Point = namedtuple("Point", "x y")
class Thing: pass
async def agen(): yield 1
`

func TestArgumentsArriveTyped(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	for text, want := range map[string]string{
		"9223372036854775809": `["int","9223372036854775809"]`,
		"1":                   `["int","1"]`,
		"1.0":                 `["float","1.0"]`,
		"null":                `["NoneType","None"]`,
		" [1, 2]\n":           `["list","[1, 2]"]`,
		"\t{ } ":              `["dict","{}"]`,
		"true":                `["bool","True"]`,
		`"it's"`:              `["str","\"it's\""]`,
		`"1"`:                 `["str","'1'"]`,
		`[1,[2]]`:             `["list","[1, [2]]"]`,
		`{"a":1.5}`:           `["dict","{'a': 1.5}"]`,
		`"\ud800"`:            `["str","'\\ud800'"]`,
		`"é😀"`:                `["str","'é😀'"]`,
	} {
		if d := s.call("type_of", text); string(d.Result) != want {
			t.Errorf("%s arrived as %s %v, want %s", text, d.Result, d.Failure, want)
		}
	}
	if d := s.call("type_of", `"it's"`, "null", "[1]"); string(d.Result) != `["str","\"it's\"","None","[1]"]` {
		t.Errorf("several arguments arrived as %s", d.Result)
	}
	if d := s.call("echo", "1", "b=2", `ü="x"`); string(d.Result) != `[[1],{"b":2,"ü":"x"}]` {
		t.Errorf("named arguments arrived as %s", d.Result)
	}
	if d := s.call("type_of", "NaN"); d.Outcome != messages.Outcome_EXCEPTION {
		t.Errorf("NaN was taken: %s", d.Result)
	}
}

func TestResultsAreJSON(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	for code, want := range map[string]string{
		"None":                 "null",
		"2**63+1":              "9223372036854775809",
		"1.0":                  "1.0",
		"(1, (2,))":            "[1,[2]]",
		"Color.RED":            "1",
		"Point(1, 2)":          "[1,2]",
		`"it's \u00e9"`:        `"it's é"`,
		`"\ud800x"`:            `"\ud800x"`,
		`{"a": [], "b": {}}`:   `{"a":[],"b":{}}`,
		`"\0"`:                 `"\u0000"`,
		`[[1]] * 3`:            `[[1],[1],[1]]`,
		`[1.5, True, "x"]*2`:   `[1.5,true,"x",1.5,true,"x"]`,
		`{"k": float(10)**22}`: `{"k":1e+22}`,
	} {
		if d := s.call("give", quote(code)); string(d.Result) != want {
			t.Errorf("%s gave %s %v, want %s", code, d.Result, d.Failure, want)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func TestResultThatIsNotJSONNamesTypeAndPlace(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	for code, want := range map[string]string{
		"object()":                         "the result is of type object",
		"{1, 2}":                           "the result is of type set, which is not JSON; return sorted(...) or list(...) of it",
		"b'x'":                             "the result is of type bytes, which is not JSON; return a text",
		"{'a': [1, {'b': {1}}]}":           "the result['a'][1]['b'] is of type set",
		"{1: 2}":                           "the result has the key 1 of type int",
		"[{'a': {None: 2}}]":               "the result[0]['a'] has the key None of type NoneType",
		"{(1,): 2}":                        "has the key (1,) of type tuple",
		"float('nan')":                     "the result is nan",
		"[1, float('-inf')]":               "the result[1] is -inf",
		"{'a': float('inf')}":              "the result['a'] is inf",
		"Thing()":                          "of type functions.Thing",
		"(x for x in [1])":                 "of type generator, which is not JSON; it gives its values one by one, as a function with yield does: return list(...) of it",
		"[map(str, [1])]":                  "the result[0] is of type map, which is not JSON; it gives its values one by one",
		"agen()":                           "of type async_generator, which is not JSON; it gives its values one by one, as a coroutine with yield does",
		"(lambda l: l.append(l) or l)([])": "ircular",
		"'x' * (64 << 20)":                 "67108866 bytes",
	} {
		d := s.call("give", quote(code))
		if d.Outcome != messages.Outcome_BAD_RESULT || d.Failure.GetType() != "bad_result" || !strings.Contains(d.Failure.GetMessage(), want) {
			t.Errorf("%s: %v %s %v, want a bad result that says %q", code, d.Outcome, d.Result, d.Failure, want)
		}
		if !strings.HasPrefix(d.Failure.GetMessage(), "give: ") {
			t.Errorf("%q does not name the function", d.Failure.GetMessage())
		}
	}
	if d := s.call("add", "1"); string(d.Result) != "6" {
		t.Errorf("after bad results the worker gives %s", d.Result)
	}
}

func TestExceptionTellsTypeMessageAndOwnFrames(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	d := s.call("fail", `"no such order"`)
	f := d.Failure
	if d.Outcome != messages.Outcome_EXCEPTION || f.GetType() != "ValueError" || f.GetMessage() != "no such order" {
		t.Fatalf("%v %v", d.Outcome, f)
	}
	if !strings.Contains(f.GetTraceback(), `functions.py", line`) || strings.Contains(f.GetTraceback(), "runner") {
		t.Errorf("traceback shows other than user code:\n%s", f.GetTraceback())
	}
	if f := s.call("chained").Failure; f.GetType() != "RuntimeError" || !strings.Contains(f.GetTraceback(), "ValueError: first") || strings.Contains(f.GetTraceback(), "runner-") {
		t.Errorf("a chained exception gives %v", f)
	}
	if f := s.call("deep").Failure; f.GetType() != "RecursionError" || len(f.GetTraceback()) > messages.MaxTraceback {
		t.Errorf("endless recursion gives %s, traceback of %d bytes", f.GetType(), len(f.GetTraceback()))
	}
	if f := s.call("own").Failure; f.GetType() != "functions.Unusual" {
		t.Errorf("an exception that is no Exception gives %v", f)
	}
	if f := s.call("nothing").Failure; f.GetType() != "AttributeError" || !strings.Contains(f.GetMessage(), "add") {
		t.Errorf("a function that is not there gives %v", f)
	}
	if d := s.call("interrupt"); string(d.Result) != `"alive"` {
		t.Errorf("SIGINT gives %v", d)
	}
}

func TestWrongArgumentsTellTheSignature(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	for _, arguments := range [][]string{{}, {"1", "2", "3"}, {"1", "four=4"}, {"1", "one=1"}} {
		f := s.call("add", arguments...).Failure
		if f.GetType() != "TypeError" || !strings.Contains(f.GetMessage(), "the signature is add(one, two=5)") {
			t.Errorf("arguments %v give %v", arguments, f)
		}
	}
	if f := s.call("add", "1", `two="x"`).Failure; f.GetType() != "TypeError" || strings.Contains(f.GetMessage(), "signature") {
		t.Errorf("a TypeError of the function's own gives %v", f)
	}
}

func TestWhatAFunctionPrintsIsItsLog(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	if d := s.call("say", `"hello"`); string(d.Log) != "hello\nhello\nhellologged hello\n" || string(d.Result) != "null" {
		t.Errorf("log %q result %s", d.Log, d.Result)
	}
	if d := s.call("add", "1"); len(d.Log) != 0 {
		t.Errorf("a call that prints nothing has the log %q", d.Log)
	}
	if d := s.call("child", `"from a child"`); string(d.Log) != "from a child\n" {
		t.Errorf("what a child printed: %q", d.Log)
	}
	for _, call := range [][]string{{"flood", "1000000"}, {"many", "10000"}, {"say", quote(strings.Repeat("é", 30000))}} {
		d := s.call(call[0], call[1])
		if len(d.Log) > messages.MaxLog || len(d.Log) < messages.MaxLog-100 || !utf8.Valid(d.Log) || !strings.Contains(string(d.Log), "not kept") {
			t.Errorf("%s: log of %d bytes, valid %v", call[0], len(d.Log), utf8.Valid(d.Log))
		}
	}
}

func TestCodeReadsItsCallAndAttempt(t *testing.T) {
	t.Setenv("FLOW_KEY", "secret of the node")
	s := start(t, functions)
	expect[Ready](s)
	for _, attempt := range []uint32{1, 20, 3} {
		w := work("order 1", "environment")
		w.Attempt = attempt
		w.Tracking = messages.NewCallID("run", 1, 0)
		if err := s.Send(w); err != nil {
			t.Fatal(err)
		}
		expect[Begun](s)
		d := expect[*Done](s)
		want := `["` + w.Call.String() + `","` + map[uint32]string{1: "1", 20: "20", 3: "3"}[attempt] + `","` + w.Tracking.String() + `","the socket"]`
		if string(d.Result) != want || d.Attempt != attempt {
			t.Errorf("attempt %d: %s %v, want %s", attempt, d.Result, d.Failure, want)
		}
	}
	if d := s.call("secrets"); strings.Contains(string(d.Result), "FLOW_KEY") {
		t.Errorf("the code sees the node's settings: %s", d.Result)
	}
}

func TestPipesDoNotLeakIntoChildren(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	if d := s.call("descriptors"); string(d.Result) != `["0","1","2","3"]` && string(d.Result) != `["0","1","2"]` {
		// ls itself opens /proc/self/fd, as 3.
		t.Errorf("a child has the descriptors %s", d.Result)
	}
	if d := s.call("fork"); string(d.Result) != `"parent"` {
		t.Errorf("a fork that returns gives %s %v", d.Result, d.Failure)
	}
	if d := s.call("add", "1"); string(d.Result) != "6" {
		t.Errorf("after a fork the worker gives %s", d.Result)
	}
}

func TestPlugsAndOutputComeBack(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	if d := s.call("route", "7"); string(d.Result) != "7" || len(d.Routed) != 1 || d.Routed[0].Name != "left" || string(d.Routed[0].Value) != "7" || string(d.Output) != `{"note":"kept"}` {
		t.Errorf("result %s plugs %s output %s %v", d.Result, d.Routed, d.Output, d.Failure)
	}
}

func TestCoroutineIsRun(t *testing.T) {
	s := start(t, functions)
	expect[Ready](s)
	if d := s.call("later", "7"); string(d.Result) != "7" {
		t.Errorf("result %s %v", d.Result, d.Failure)
	}
}

func TestWorksRunInTheOrderTheyWereSent(t *testing.T) {
	s := start(t, functions)
	big := quote(strings.Repeat("x", 200<<10)) // more than a pipe holds
	var ids []messages.CallID
	for i := range 40 {
		if i%4 == 0 {
			ids = append(ids, s.send("type_of", big))
		} else {
			ids = append(ids, s.send("echo", "1"))
		}
	}
	expect[Ready](s)
	for i, id := range ids {
		b, d := expect[Begun](s), expect[*Done](s)
		if b.Call != id || d.Call != id {
			t.Fatalf("answer %d is of %s, want %s", i, d.Call, id)
		}
		if big := d.Outcome == messages.Outcome_OK && len(d.Result) > 200<<10; big != (i%4 == 0) {
			t.Fatalf("answer %d: %v, %d bytes, %v", i, d.Outcome, len(d.Result), d.Failure)
		}
	}
}

func TestModuleIsLoadedByFile(t *testing.T) {
	env := module(t, functions)
	if err := os.Rename(filepath.Join(env.Dir, "functions.py"), filepath.Join(env.Dir, "other-name.py")); err != nil {
		t.Fatal(err)
	}
	env.ModulePath = "other-name.py"
	s := startIn(t, launcher(t, Limits{}), env)
	expect[Ready](s)
	if d := s.call("add", "1"); string(d.Result) != "6" {
		t.Errorf("result %s", d.Result)
	}
	if d := s.call("where"); string(d.Result) != quote(s.Dir()) {
		t.Errorf("it runs in %s, want its own directory %s", d.Result, s.Dir())
	}
}

// The examples are what the documents type: they must give what acceptance.md says.
func TestExamplesGiveWhatTheySay(t *testing.T) {
	dir, err := filepath.Abs("../examples/processors")
	if err != nil {
		t.Fatal(err)
	}
	env := messages.Environment{Interpreter: python(t), Dir: dir, Module: "pyfi.processors.sample", Paths: []string{dir}}
	s := startIn(t, launcher(t, Limits{}), env)
	expect[Ready](s)
	for _, c := range []struct {
		function  string
		arguments []string
		want      string
	}{
		{"do_this", []string{`"some data"`}, `"Do this String: some data"`},
		{"do_something", []string{`"HI!!!"`}, `"TEXT:HI!!!"`},
		{"do_something", []string{`"TEXT:One"`, `"Two"`}, `"TEXT:TEXT:OneTwo"`},
		{"do_something", []string{`["TEXT:a","b"]`, `"c"`, `1`}, `"TEXT:['TEXT:a', 'b']c 1"`},
		{"emit_one", []string{"1.0"}, "1.0"},
		{"emit_two", []string{`{"a":null}`}, `{"a":null}`},
		{"add_two", []string{"one=2", "two=3"}, "5"},
		{"add_two", []string{`"2"`, "3"}, "5"},
		{"type_of", []string{"9223372036854775809"}, `{"type":"int","repr":"9223372036854775809"}`},
		{"succeed_at", []string{"1"}, "1"},
		{"exit_once", nil, ""}, // the last: it ends the worker
	} {
		if c.want == "" {
			s.send(c.function)
			expect[Begun](s)
			exited(s, "exited with status 1")
			break
		}
		if d := s.call(c.function, c.arguments...); string(d.Result) != c.want {
			t.Errorf("%s(%v) gives %s %v, want %s", c.function, c.arguments, d.Result, d.Failure, c.want)
		}
	}
}

// A program that a call has left behind prints when nobody calls.
func TestWhatIsPrintedBetweenCallsIsInNoLog(t *testing.T) {
	s := start(t, `
import os, subprocess
def leave():
    os.mkfifo("go")
    subprocess.Popen(["sh", "-c", "read line < go; echo late"])
    return os.path.abspath("go")
def ping(): return "pong"
`)
	expect[Ready](s)
	var fifo string
	if err := json.Unmarshal(s.call("leave").Result, &fifo); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fifo, []byte("now\n"), 0); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(10 * time.Second); !s.printed.has("late"); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("the program that was left behind printed nothing")
		}
	}
	if d := s.call("ping"); len(d.Log) != 0 {
		t.Errorf("the next call has the log %q", d.Log)
	}
}

func (p *printed) has(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(string(p.tail), text)
}

func TestLongIntegersArriveAsTheyLeft(t *testing.T) {
	s := start(t, "def same(x): return x\ndef longer(x): return x * 10\n")
	expect[Ready](s)
	digits := strings.Repeat("7", 5000)
	if d := s.call("same", digits); string(d.Result) != digits {
		t.Errorf("%v %.100s", d.Failure, d.Result)
	}
	if d := s.call("longer", digits); string(d.Result) != digits+"0" {
		t.Errorf("%v %.100s", d.Failure, d.Result)
	}
}
