package worker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// family starts descendants of every kind that is hard to find, and gives their process ids.
const family = `
import os, subprocess, sys, time, signal

HOLD = "trap '' TERM HUP INT; while :; do sleep 1000; done"

def family():
    child = subprocess.Popen(["sh", "-c", HOLD])
    session = subprocess.Popen(["sh", "-c", HOLD], start_new_session=True)
    # A daemon: its parents are gone, its environment is cleared, its session and descriptors are its own.
    r, w = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(w, b"%d" % os.getpid())
            os.execve("/bin/sh", ["sh", "-c", "exec >/dev/null 2>&1; " + HOLD], {"PATH": os.environ["PATH"]})
        os._exit(0)
    os.wait()
    return [os.getpid(), os.getppid(), child.pid, session.pid, int(os.read(r, 20))]

def leave(how):
    pids = family()
    print(" ".join(map(str, pids)))
    if how == "_exit": os._exit(3)
    if how == "segfault": os.kill(os.getpid(), signal.SIGSEGV)

def garbage(code):
    os.write(4, eval(code))
    time.sleep(1000)
def hang(): time.sleep(1000)
def ping(): return "pong"
def close_all():
    os.closerange(3, 100)
    time.sleep(1000)
def polite():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
def rude():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
`

// withFamily starts a worker whose code has left a family, and gives the
// process ids: worker, watchdog, child, one in its own session, a daemon.
func withFamily(t *testing.T) (*subject, []int) {
	t.Helper()
	s := start(t, family)
	expect[Ready](s)
	d := s.call("family")
	pids := parsePIDs(t, strings.NewReplacer("[", "", "]", "", ",", " ").Replace(string(d.Result)))
	if pids[0] != s.PID() {
		t.Fatalf("the worker's pid is %d, it says %d", s.PID(), pids[0])
	}
	return s, pids
}

func parsePIDs(t testing.TB, text string) (pids []int) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 1 {
			t.Fatalf("%q holds no process ids", text)
		}
		if !alive(pid) {
			t.Fatalf("process %d does not run", pid)
		}
		pids = append(pids, pid)
	}
	if len(pids) != 5 {
		t.Fatalf("%q holds no 5 process ids", text)
	}
	return pids
}

// exited gives the worker's end, at which nothing of it may be left.
func exited(s *subject, reason string, pids ...int) Exited {
	s.t.Helper()
	e := expect[Exited](s)
	if !strings.Contains(e.Reason, reason) {
		s.t.Errorf("it %s, want %s", e.Reason, reason)
	}
	for _, pid := range append(pids, s.PID()) {
		if alive(pid) {
			s.t.Errorf("process %d runs after the end was told", pid)
		}
	}
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		s.t.Errorf("directory %s is left: %v", s.Dir(), err)
	}
	if err := s.Send(work("late", "ping")); err == nil {
		s.t.Error("it takes works after its end")
	}
	return e
}

func TestNothingIsLeftWhateverEndsTheWorker(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		end          func(s *subject, pids []int)
	}{
		{"killed from outside", "killed by signal 9", func(_ *subject, pids []int) { syscall.Kill(pids[0], syscall.SIGKILL) }},
		{"watchdog killed", "its watchdog died", func(_ *subject, pids []int) { syscall.Kill(pids[1], syscall.SIGKILL) }},
		{"watchdog terminated", "killed by signal 9", func(_ *subject, pids []int) { syscall.Kill(pids[1], syscall.SIGTERM) }},
		{"watchdog stopped", "was killed", func(s *subject, pids []int) { syscall.Kill(pids[1], syscall.SIGSTOP); s.Kill() }},
		{"worker and watchdog killed", "its watchdog died", func(_ *subject, pids []int) {
			syscall.Kill(pids[1], syscall.SIGKILL)
			syscall.Kill(pids[0], syscall.SIGKILL)
		}},
		{"Kill", "was killed", func(s *subject, _ []int) { s.Kill() }},
		{"Terminate", "was stopped", func(s *subject, _ []int) { s.Terminate(time.Minute) }},
		{"launcher closed", "was killed", func(s *subject, _ []int) { s.launcher.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := BecomeSubreaper(); err != nil {
				t.Fatal(err)
			}
			s, pids := withFamily(t)
			began := time.Now()
			c.end(s, pids)
			exited(s, c.reason, pids...)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestWorkerThatExitsTellsHow(t *testing.T) {
	for how, want := range map[string]string{
		"_exit": "exited with status 3", "segfault": "killed by signal 11",
	} {
		t.Run(how, func(t *testing.T) {
			s := start(t, family)
			expect[Ready](s)
			s.send("leave", quote(how))
			s.send("ping")
			expect[Begun](s)
			e := exited(s, want)
			if how == "segfault" && !strings.Contains(e.Tail, "in leave") {
				t.Errorf("tail is %q", e.Tail)
			}
			if !e.Loaded {
				t.Error("it was loaded")
			}
		})
	}
}

func TestSysExitIsAnExceptionOfItsCall(t *testing.T) {
	s := start(t, "import sys\ndef leave(code):\n    print('before')\n    sys.exit(code)\ndef ping(): return 'pong'\n")
	expect[Ready](s)
	for code, message := range map[string]string{"4": "4", "0": "0", "null": "", `"no more"`: "no more"} {
		d := s.call("leave", code)
		if d.Outcome != messages.Outcome_EXCEPTION || d.Failure.Type != "SystemExit" || d.Failure.Message != message || string(d.Log) != "before\n" {
			t.Errorf("sys.exit(%s): %v, log %q", code, d.Failure, d.Log)
		}
	}
	if d := s.call("ping"); string(d.Result) != `"pong"` {
		t.Errorf("the worker answers %s afterwards", d.Result)
	}
}

func TestGarbageEndsTheWorker(t *testing.T) {
	for _, code := range []string{
		`b"hello world\n"`, `b"\0"*9`, `b"\0\0\0\5hello"`, `b"\0\0\0\1\1"`,
		`b"\0\0\0\x09\2" + b"\0"*8`,                    // the begin of a call that has begun
		`b"\0\0\0\x09\2" + b"\xff"*8`,                  // of one that is not there
		`b"\0\0\0\x36\3" + b"\0"*53`,                   // an answer without outcome
		`b"\0\0\0\x36\3" + b"\0"*8 + b"\1" + b"\0"*44`, // a result that is empty, which is not JSON
		`b"\0\0\0\x36\3" + b"\0"*8 + b"\1" + b"\xff"*44`,
	} {
		t.Run(code, func(t *testing.T) {
			s := start(t, family)
			expect[Ready](s)
			s.send("garbage", quote(code))
			expect[Begun](s)
			exited(s, "in place of an answer")
		})
	}
}

func TestWorkerThatClosesItsPipesIsEnded(t *testing.T) {
	s := start(t, family)
	expect[Ready](s)
	s.send("close_all")
	expect[Begun](s)
	exited(s, "closed its answers")
}

func TestTerminateGivesAGraceAndNoMore(t *testing.T) {
	s := start(t, family)
	expect[Ready](s)
	s.call("rude")
	began := time.Now()
	s.Terminate(300 * time.Millisecond)
	exited(s, "was stopped")
	if took := time.Since(began); took < 300*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	s = start(t, family)
	expect[Ready](s)
	s.call("polite")
	s.Terminate(time.Minute)
	exited(s, "was stopped")
}

func TestModuleThatCannotBeImportedIsToldWithItsTraceback(t *testing.T) {
	for code, want := range map[string]string{
		"import not_there_at_all": "No module named 'not_there_at_all'",
		"x = (":                   "SyntaxError",
		"raise ValueError('bad')": "ValueError: bad",
		"import sys; sys.exit(1)": "SystemExit",
	} {
		s := start(t, code)
		e := exited(s, "exited with status 70")
		if !strings.Contains(e.Tail, want) || e.Loaded {
			t.Errorf("%s: tail %q, loaded %v", code, e.Tail, e.Loaded)
		}
	}
}

func TestInterpreterThatIsNotThere(t *testing.T) {
	env := module(t, "")
	env.Interpreter = "/nowhere/python3"
	_, err := launcher(t, Limits{}).Start(context.Background(), env, func(...Event) { t.Error("an event of a worker that did not start") })
	if err == nil || !strings.Contains(err.Error(), "/nowhere/python3: no such file") {
		t.Fatalf("error %v", err)
	}
}

// node is a node's part in the next tests: it starts a worker in a directory, prints its
// family and waits to be killed.
func node(dir, code string) {
	self, _ := os.Executable()
	l, err := New(Config{Watchdog: []string{self, "watchdog"}, Dir: dir + "/workers"})
	if err == nil {
		err = BecomeSubreaper()
	}
	if err == nil {
		err = os.WriteFile(dir+"/functions.py", []byte(family), 0o600)
	}
	events := make(chan Event, 10)
	var p *Process
	if err == nil {
		p, err = l.Start(context.Background(), messages.Environment{Interpreter: code, Dir: dir, Module: "functions", Paths: []string{dir}}, func(all ...Event) {
			for _, e := range all {
				events <- e
			}
		})
	}
	if err == nil {
		err = p.Send(work("family", "family"))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for e := range events {
		if d, ok := e.(*Done); ok {
			fmt.Println(strings.NewReplacer("[", "", "]", "", ",", " ").Replace(string(d.Result)))
		}
	}
}

// startNode starts this test binary as a node.
func startNode(t *testing.T) (*exec.Cmd, string, []int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(self, "node", dir, python(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	return cmd, dir, parsePIDs(t, line)
}

func TestNothingIsLeftWhenTheNodeIsKilled(t *testing.T) {
	cmd, _, pids := startNode(t)
	cmd.Process.Kill()
	mustGo(t, 5*time.Second, pids...)
}

func TestNextRunEndsWhatNodeAndWatchdogKilledTogetherLeft(t *testing.T) {
	cmd, dir, pids := startNode(t)
	syscall.Kill(pids[1], syscall.SIGSTOP) // the watchdog must not see its node's end
	cmd.Process.Kill()
	cmd.Wait()
	syscall.Kill(pids[1], syscall.SIGKILL)
	mustGo(t, 5*time.Second, pids[0], pids[1])
	if !alive(pids[4]) {
		t.Fatal("the daemon was gone already")
	}
	if _, err := New(Config{Watchdog: []string{"x"}, Dir: dir + "/workers"}); err != nil {
		t.Fatal(err)
	}
	mustGo(t, 0, pids...)
}

// TestNextRunWaitsForNobodyToReap: who has taken over what a killed run left may be
// slow to reap it, or never do so.
func TestNextRunWaitsForNobodyToReap(t *testing.T) {
	m := newMark()
	cmd := exec.Command(python(t), "-c", `
import os, resource, sys
pid = os.fork()
if pid == 0:
    resource.setrlimit(10, (int(sys.argv[1]),) * 2)
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(pid, flush=True)
sys.stdin.read()
`, m.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	if found := fmt.Sprintln(marked([]mark{m})); found != "["+strings.TrimSpace(line)+"]\n" {
		t.Fatalf("%q carries the mark, of process %q", found, line)
	}
	if left := endMarked([]mark{m}); left != 0 {
		t.Errorf("%d processes are said to run", left)
	}
}
