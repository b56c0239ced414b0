package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

const doThis = "pyfi.processors.sample.do_this"

// socketIn is a fake network with one socket in it.
func socketIn() *fake {
	f := processorIn(1)
	f.add(&messages.Object{Name: doThis, Kind: messages.Kind_KIND_SOCKET,
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "proc1", Function: "do_this"}}})
	return f
}

func TestDataThatIsSent(t *testing.T) {
	for _, c := range []struct{ stdin, flag, want string }{
		{flag: `['some data']`, want: `["some data"]`},
		{flag: `"HI!!!"`, want: `"HI!!!"`},
		{stdin: "HI THERE!\n", want: `"HI THERE!"`},
		{stdin: "TEXT:HI THERE! string", want: `"TEXT:HI THERE! string"`},
		{stdin: "two\nlines\r\n", want: `"two\nlines"`},
		{stdin: "[1]\n", want: `[1]`},
		{stdin: "\n", want: `""`},
		{flag: `{"one": 2, "two": 3}`, want: `{"one": 2, "two": 3}`},
		{flag: `9223372036854775809`, want: `9223372036854775809`},
		{flag: `1`, want: `1`},
		{flag: `1.0`, want: `1.0`},
		{flag: `["it's", None, (1,)]`, want: `["it's", null, [1]]`},
		{flag: `-5`, want: `-5`},
		{flag: `-d`, want: `"-d"`},
		{stdin: "not read", flag: `given`, want: `"given"`},
	} {
		s := newShell(t, socketIn())
		args := []string{"task", "run", "-s", doThis}
		if c.flag != "" {
			args = append(args, "-d", c.flag)
		}
		if r := s.pipe(c.stdin, args...); r.code != 0 {
			t.Errorf("%+v: %s", c, r.err)
			continue
		}
		m := last[*messages.RunRequest](t, s.fake)
		if m.GetData() != c.want || m.Owner != "joe" || m.Id == "" {
			t.Errorf("%+v: sent %v", c, m)
		}
	}
}

func TestNothingOnStdinIsNoArguments(t *testing.T) {
	s := newShell(t, socketIn())
	s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) { return fakeCall(r.Socket, 1), nil }
	wants(t, s.run("task", "run", "-s", doThis), 0, "1\n")
	if m := last[*messages.RunRequest](t, s.fake); m.Data != nil {
		t.Errorf("sent %q", m.GetData())
	}
}

func TestResultsArePrinted(t *testing.T) {
	for result, want := range map[string]string{
		`"TEXT:HI!!!"`:          "TEXT:HI!!!\n",
		`"two\nlines \u00e9"`:   "two\nlines é\n",
		`5`:                     "5\n",
		`1.0`:                   "1.0\n",
		`9223372036854775809`:   "9223372036854775809\n",
		`["a", {"b": 1.10}]`:    `["a", {"b": 1.10}]` + "\n",
		`null`:                  "null\n",
		`"9223372036854775809"`: "9223372036854775809\n",
	} {
		s := newShell(t, socketIn())
		s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
			call := fakeCall(r.Socket, 1)
			call.Result = &result
			return call, nil
		}
		wants(t, s.run("task", "run", "-s", doThis, "-d", "x"), 0, want)
	}
}

func TestACallAsJSON(t *testing.T) {
	s := newShell(t, socketIn())
	r := s.run("-o", "json", "task", "run", "-s", doThis, "-d", "9223372036854775809")
	golden(t, "call.json", r.out)
	if !json.Valid([]byte(r.out)) || r.code != 0 {
		t.Errorf("exit %d: %s", r.code, r.out)
	}
	golden(t, "call.yaml", s.run("task", "result", "0193a1b2-c3d4-7001-8f00-000000000001", "-o", "yaml").out)
}

func TestRun(t *testing.T) {
	s := newShell(t, socketIn())
	wants(t, s.run("run", doThis, "[1, 2]", "-5", "one=(2,)", `"a=b"`, "x y=1"), 0, "[1, 2]\n")
	m := last[*messages.RunRequest](t, s.fake)
	if want := []string{"[1, 2]", "-5", `"a=b"`, `"x y=1"`}; !slices.Equal(m.Positional, want) || m.Named["one"] != "[2]" || len(m.Named) != 1 || m.Data != nil {
		t.Errorf("sent %v", m)
	}
	complains(t, s.run("run", doThis, "NaN"), 2, "NaN is not JSON")
	complains(t, s.run("run", doThis, "a=1", "a=2"), 2, "a=", "twice")
	complains(t, s.run("run"), 2, "needs a socket")
}

func TestBadDataSendsNothing(t *testing.T) {
	s := newShell(t, socketIn())
	complains(t, s.run("task", "run", "-s", doThis, "-d", "NaN"), 2, "NaN is not JSON")
	complains(t, s.run("task", "run", "-s", doThis, "-d", "{1, 2}"), 2, "a set is not JSON")
	complains(t, s.run("task", "run", "-d", "1"), 2, "-s/--socket")
	if len(s.fake.asked) > 0 {
		t.Errorf("something was sent: %v", s.fake.asked)
	}
}

func TestHowACallEndsIsTheExitCode(t *testing.T) {
	for name, c := range map[string]struct {
		call func(*messages.CallInfo)
		err  error
		code int
		says []string
	}{
		"failed": {func(c *messages.CallInfo) {
			c.State, c.Result = "failed", nil
			c.Error = &messages.Failure{Type: "ValueError", Message: "bad", Traceback: "Traceback (most recent call last):\n  File \"x.py\", line 1"}
		}, nil, 1, []string{"of " + doThis + " failed: ValueError: bad", "Traceback (most recent call last)"}},
		"cancelled":   {func(c *messages.CallInfo) { c.State, c.Result = "cancelled", nil }, nil, 1, []string{"was cancelled"}},
		"expired":     {func(c *messages.CallInfo) { c.State, c.Result = "expired", nil }, nil, 1, []string{"expired"}},
		"not ended":   {func(c *messages.CallInfo) { c.State, c.Waiting, c.Result = "queued", "no worker", nil }, nil, 6, []string{"queued (no worker)", "flowcli task result 0193a1b2"}},
		"invalid":     {nil, messages.Errorf(messages.Invalid, "run", doThis, "wrong arguments for do_this(message, *args)"), 2, []string{"do_this(message, *args)"}},
		"not found":   {nil, messages.Errorf(messages.NotFound, "run", doThis, "gone"), 3, []string{"gone"}},
		"conflict":    {nil, messages.Errorf(messages.Conflict, "run", doThis, "the key was used"), 4, []string{"the key was used"}},
		"unavailable": {nil, messages.Errorf(messages.Unavailable, "run", doThis, "no leader"), 5, []string{"no leader", "--id"}},
		"deadline":    {nil, messages.Errorf(messages.Deadline, "run", doThis, "too late"), 6, []string{"too late", "--id"}},
		"denied":      {nil, messages.Errorf(messages.Denied, "run", doThis, "not yours"), 7, []string{"not yours"}},
		"exhausted":   {nil, messages.Errorf(messages.Exhausted, "run", doThis, "the mailbox is full"), 8, []string{"the mailbox is full"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t, socketIn())
			s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
				if c.err != nil {
					return nil, c.err
				}
				call := fakeCall(r.Socket, 1)
				c.call(call)
				return call, nil
			}
			complains(t, s.run("task", "run", "-s", doThis, "-d", "1", "--timeout", "5"), c.code, c.says...)
			if m := last[*messages.RunRequest](t, s.fake); m.Timeout < 4000 || m.Timeout > 5000 {
				t.Errorf("time-out %d ms", m.Timeout)
			}
			structured := s.run("-o", "json", "run", doThis)
			if structured.code != c.code || (structured.out != "") != (c.err == nil) {
				t.Errorf("as JSON: exit %d, %q", structured.code, structured.out)
			}
		})
	}
}

func TestSubmitAndLookLater(t *testing.T) {
	s := newShell(t, socketIn())
	const id = "0193a1b2-c3d4-7001-8f00-000000000001"
	wants(t, s.run("task", "run", "-s", doThis, "-d", "'later'", "--no-wait", "--id", "mine"), 0, id+"\n")
	if m := last[*messages.RunRequest](t, s.fake); m.Id != "mine" {
		t.Errorf("key %q", m.Id)
	}
	wants(t, s.run("task", "result", id), 0, "later\n")
	wants(t, s.run("task", "result", "--id", id, "--timeout", "1s"), 0, "later\n")
	complains(t, s.run("task", "result", "0193a1b2-c3d4-7001-8f00-000000000009"), 3, "there is no such call")
	complains(t, s.run("task", "result"), 2, "say which one", "flowcli task result ID")
	r := s.run("task", "cancel", id)
	if r.code != 0 || r.out != "" || !strings.Contains(r.err, "is finished") {
		t.Errorf("cancel: %+v", r)
	}
}

func TestWhatWaitsAtGatesIsCountedBelowTheCalls(t *testing.T) {
	f := socketIn()
	f.atGates = 3
	s := newShell(t, f)
	if r := s.run("ls", "calls"); r.code != 0 || !strings.Contains(r.out, "Not listed: 3 messages that wait at gates") {
		t.Errorf("exit %d, %q", r.code, r.out)
	}
	if r := s.run("-o", "json", "ls", "calls"); !strings.Contains(r.out, `"at_gates": 3`) {
		t.Errorf("as JSON: %q", r.out)
	}
	f.atGates = 0
	if r := s.run("ls", "calls"); strings.Contains(r.out, "Not listed") {
		t.Errorf("with nothing at gates: %q", r.out)
	}
}

func TestCallTables(t *testing.T) {
	f := socketIn()
	for n := range 12 {
		f.calls = append(f.calls, fakeCall(doThis, n+1))
	}
	f.calls[2].State, f.calls[2].Finished, f.calls[2].Result, f.calls[2].Waiting = "queued", 0, nil, "no worker"
	f.calls[3].State, f.calls[3].Error, f.calls[3].Result = "failed", &messages.Failure{Type: "ValueError", Message: "bad", Traceback: "Traceback"}, nil
	f.calls[4].Arguments = &messages.Arguments{Positional: [][]byte{[]byte(`"a"`), []byte(`1.0`)}, Named: []*messages.NamedValue{{Name: "one", Value: []byte("2")}}}
	f.calls[4].Log, f.calls[4].Commit = "printed\n", "0123456789abcdef0123456789abcdef01234567+0f1e2d3c4b5a"
	s := newShell(t, f)
	for _, line := range []string{
		"ls calls", "ls calls -p 2 -r 5", "ls calls -u -a", "ls calls -i -r 2", "ls calls -i 0193a1b2-c3d4-7001-8f00-000000000003",
		"ls calls -t -tk -r 1", "ls calls -t 0193a1b2-c3d4-7001-8f00-000000000004", "ls calls -tk do_this -r 1", "ls calls --state failed",
		"-o json ls calls -r 2", "ls call --id 0193a1b2-c3d4-7001-8f00-000000000001", "ls call --id 0193a1b2-c3d4-7001-8f00-000000000003",
		"ls call 0193a1b2-c3d4-7001-8f00-000000000004 -r", "ls call -r -n " + doThis, "task show 0193a1b2-c3d4-7001-8f00-000000000005",
		"-o json task show 0193a1b2-c3d4-7001-8f00-000000000005",
	} {
		r := s.run(strings.Fields(line)...)
		if r.code != 0 || r.err != "" {
			t.Errorf("%s: exit %d, %s", line, r.code, r.err)
		}
		name := strings.NewReplacer(" ", "_", "-", "", "0193a1b2-c3d4-7001-8f00-00000000000", "").Replace(line)
		golden(t, name+".txt", r.out)
	}
	complains(t, s.run("ls", "call"), 2, "say which one", "flowcli ls call ID")
	complains(t, s.run("ls", "call", "-n", "nowhere"), 3, "nowhere")
	complains(t, s.run("ls", "calls", "-p", "0"), 2, "pages count from 1")
	complains(t, s.run("ls", "calls", "-tk", "nowhere"), 3, "nowhere")
}

func TestInterruptedCallSaysHowToGoOn(t *testing.T) {
	s := newShell(t, socketIn())
	ctx, interrupt := context.WithCancel(t.Context())
	s.fake.answer = func(*messages.RunRequest) (*messages.CallInfo, error) {
		interrupt()
		return nil, messages.Errorf(messages.Unavailable, "run", "", "gone")
	}
	r := s.runWith(ctx, strings.NewReader(""), "task", "run", "-s", doThis, "-d", "1", "--id", "mine")
	complains(t, r, 130, "interrupted", "--id mine")
}

func TestInterruptedChangeSaysThatItMayHaveBeenDone(t *testing.T) {
	s := newShell(t, socketIn())
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	complains(t, s.runWith(ctx, strings.NewReader(""), "add", "queue", "-n", "q1"), 130, "interrupted", "it may have been done")
	complains(t, s.runWith(ctx, strings.NewReader(""), "spawn", "-g", "file:///srv/processors", "-m", "my.module"), 130, "interrupted", "what was made stays")
	r := s.runWith(ctx, strings.NewReader(""), "ls", "queues")
	if complains(t, r, 130, "interrupted"); strings.Contains(r.err, "done") {
		t.Errorf("what changes nothing says %q", r.err)
	}
}

func TestInterruptWhileReadingStdin(t *testing.T) {
	s := newShell(t, socketIn())
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	never, _ := io.Pipe()
	complains(t, s.runWith(ctx, never, "task", "run", "-s", doThis), 130, "interrupted")
}

func TestANodeThatDoesNotAnswerInTime(t *testing.T) {
	s := newShell(t, socketIn())
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s.fake.answer = func(*messages.RunRequest) (*messages.CallInfo, error) {
		<-over
		return nil, messages.Errorf(messages.Unavailable, "run", doThis, "too late")
	}
	complains(t, s.run("run", doThis, "--no-wait", "--timeout", "50ms", "--id", "mine"), 6, "no answer came in time", "--id mine")
}

func TestPriorityOutOfRangeIsRefusedWithTheRange(t *testing.T) {
	s := newShell(t, socketIn())
	complains(t, s.run("run", doThis, "1", "--priority", "9999999999"), 2, `--priority "9999999999"`, "from -2147483648 to 2147483647")
	complains(t, s.run("run", doThis, "1", "--priority", "high"), 2, `--priority "high"`, "not a whole number")
}

func TestWaitForRoomThatIsOverSaysThatTheMailboxIsFull(t *testing.T) {
	s := newShell(t, socketIn())
	s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
		if r.Timeout < 1 || r.Timeout > 50 || !r.WaitFull {
			t.Errorf("it asks for %v", r)
		}
		<-time.After(time.Duration(r.Timeout) * time.Millisecond) // a network waits as long as it is told
		return nil, messages.Errorf(messages.Exhausted, "run", "socket "+r.Socket, "its mailbox is full")
	}
	for _, noWait := range []string{"--no-wait=true", "--no-wait=false"} {
		r := s.run("run", doThis, "1", "--wait-for-room", "--timeout", "50ms", noWait)
		complains(t, r, 8, "its mailbox is full")
		if strings.Contains(r.err, "may have been accepted") {
			t.Errorf("%s: it says %q", noWait, r.err)
		}
	}
}

func TestCallThatExpiredSaysSoOnce(t *testing.T) {
	s := newShell(t, socketIn())
	s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
		call := fakeCall(r.Socket, 1)
		call.State, call.Result, call.Error = "expired", nil, &messages.Failure{Type: "expired", Message: "it had not started in time"}
		return call, nil
	}
	r := s.run("run", doThis, "1")
	complains(t, r, 1, "expired before it started: it had not started in time")
}

func TestRunSaysThatItsKeyWasKnown(t *testing.T) {
	s := newShell(t, socketIn())
	s.fake.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
		call := fakeCall(r.Socket, 1)
		call.Duplicate = r.Id != "fresh"
		return call, nil
	}
	for id, duplicate := range map[string]bool{"fresh": false, "mine": true} {
		r := s.run("run", doThis, "1", "--id", id)
		if wants(t, r, 0, "1\n"); strings.Contains(r.err, "sent before with this key") != duplicate {
			t.Errorf("%s: on stderr %q", id, r.err)
		}
		if r := s.run("-o", "json", "task", "run", "-s", doThis, "-d", "1", "--id", id); !strings.Contains(r.out, fmt.Sprintf(`"duplicate": %v`, duplicate)) {
			t.Errorf("%s: as JSON %s", id, r.out)
		}
	}
	if r := s.run("run", doThis, "1"); r.err != "" { // the key was made here: the client sent it twice itself
		t.Errorf("without a key it says %q", r.err)
	}
}
