//go:build e2e

package chaos

import (
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// TestAttemptsEndAsTheirPolicySays: what becomes of a call whose function
// raises, hangs, exits or returns what is not JSON, and of what it prints.
func TestAttemptsEndAsTheirPolicySays(t *testing.T) {
	l := newLab(t, 1, "--cpus", "2")
	l.processor("p", "--concurrency", "2", "--retries", "2", "--retrydelay", "0.2")

	t.Run("exceptions are tried again, later each time", func(t *testing.T) {
		l := l.in(t)
		call := l.run(l.socket("p", "fail"), `"of course"`, "failed")
		if e := call.GetError(); e.GetType() != "ValueError" || e.GetMessage() != "of course" || !strings.Contains(e.GetTraceback(), "in fail") {
			t.Errorf("it failed with %v", e)
		}
		if call.GetAttempts() != 3 || call.GetTries() != 3 || call.GetCrashes() != 0 {
			t.Errorf("%d attempts, %d tries, %d crashes; want 3, 3, 0", call.GetAttempts(), call.GetTries(), call.GetCrashes())
		}
		began := times(call, "prerun")
		if len(began) != 3 || began[1]-began[0] < 200_000 || began[2]-began[1] < 400_000 || began[2]-began[1] > 2_000_000 {
			t.Errorf("attempts began at %v microseconds, want 200 and 400 milliseconds between them", began)
		}
		l.gives(l.socket("p", "succeed_at"), "3", "3") // FLOW_ATTEMPT, as the code sees it
	})
	t.Run("a worker that exits", func(t *testing.T) {
		l := l.in(t)
		call := l.run(l.socket("p", "exit_process"), "7", "failed")
		if e := call.GetError(); e.GetType() != "quarantined" || !strings.Contains(e.GetMessage(), "exited with status 7") {
			t.Errorf("it failed with %v", e)
		}
		if call.GetAttempts() != 3 || call.GetCrashes() != 3 || call.GetTries() != 0 {
			t.Errorf("%d attempts, %d crashes, %d tries; want 3, 3, 0", call.GetAttempts(), call.GetCrashes(), call.GetTries())
		}
		call = l.run(l.socket("p", "exit_once"), "", "finished")
		if call.GetResult() != `"survived"` || call.GetAttempts() != 2 || call.GetCrashes() != 1 {
			t.Errorf("exit_once gives %s after %d attempts, %d crashes", call.GetResult(), call.GetAttempts(), call.GetCrashes())
		}
	})
	t.Run("a call that hangs past its time limit", func(t *testing.T) {
		l := l.in(t)
		call := l.run(l.socket("p", "hang", "--timelimit", "0.5"), "", "failed")
		if e := call.GetError(); e.GetType() != "timeout" || !strings.Contains(e.GetMessage(), "500ms") {
			t.Errorf("it failed with %v", e)
		}
		if call.GetAttempts() != 3 || call.GetTries() != 3 || call.GetCrashes() != 0 {
			t.Errorf("%d attempts, %d tries, %d crashes; want 3, 3, 0", call.GetAttempts(), call.GetTries(), call.GetCrashes())
		}
		l.cli("update", "processor", "-n", "p", "--timelimit", "1")
		call = l.run(l.socket("p", "hang_once"), "", "finished") // the processor's limit
		if call.GetResult() != `"survived"` || call.GetAttempts() != 2 || call.GetTries() != 1 {
			t.Errorf("hang_once gives %s after %d attempts, %d tries", call.GetResult(), call.GetAttempts(), call.GetTries())
		}
		l.cli("update", "processor", "-n", "p", "--timelimit", "0")
	})
	t.Run("what is printed is the call's log", func(t *testing.T) {
		l := l.in(t)
		call := l.run(l.socket("p", "say"), `{"text": "hello", "times": 2}`, "finished")
		if call.GetLog() != "hello\nhello\nhello\nhello\n" || call.GetResult() != "null" {
			t.Errorf("log %q, result %s", call.GetLog(), call.GetResult())
		}
		if out := l.cli("task", "show", call.GetId()); !strings.Contains(out, "hello") {
			t.Errorf("task show does not show the log:\n%s", out)
		}
	})
	t.Run("a result that is not JSON", func(t *testing.T) {
		l := l.in(t)
		call := l.run(l.socket("p", "not_json"), "", "failed")
		if e := call.GetError(); e.GetType() != "bad_result" || !strings.Contains(e.GetMessage(), "not_json: the result[1] is of type set") {
			t.Errorf("it failed with %v", e)
		}
		if call.GetAttempts() != 1 {
			t.Errorf("it was tried %d times, and cannot do better", call.GetAttempts())
		}
	})
}

// TestOneSlotEndsCallsInOrder under a worker that dies now and then.
func TestOneSlotEndsCallsInOrder(t *testing.T) {
	l := newLab(t, 1, "--cpus", "1")
	l.processor("one")
	socket := l.socket("one", "do_this")
	data := make([]string, 2000)
	for i := range data {
		data[i] = strconv.Itoa(i)
	}
	batch, err := l.c.SubmitBatch(t.Context(), &messages.SubmitBatchRequest{Socket: socket, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := client.IDs(batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{100, 700, 1300} {
		l.ended(ids[at], "finished")
		_ = syscall.Kill(int(l.worker("one", "n1").GetProcess()), syscall.SIGKILL)
	}
	l.ended(ids[len(ids)-1], "finished")
	var before, crashes int64
	for page := int32(1); page <= 2; page++ {
		r, err := l.c.ListCalls(t.Context(), &messages.ListCallsRequest{Socket: socket, Ascend: true, Rows: 1000, Page: page})
		if err != nil || len(r.GetCalls()) != 1000 {
			t.Fatalf("page %d has %d calls: %v", page, len(r.GetCalls()), err)
		}
		for _, call := range r.GetCalls() {
			if call.GetState() != "finished" || call.GetFinished() < before {
				t.Errorf("call %s is %s, and ended %d microseconds before the one before it", call.GetId(), call.GetState(), before-call.GetFinished())
			}
			before = call.GetFinished()
			crashes += int64(call.GetCrashes())
		}
	}
	if crashes > 3 {
		t.Errorf("%d calls are charged with three deaths", crashes)
	}
}

// family runs leave_family on a worker, and gives the processes that it left.
func (l *lab) family(socket string) (pids []int) {
	l.t.Helper()
	call := l.run(socket, "", "finished")
	if err := json.Unmarshal([]byte(call.GetResult()), &pids); err != nil || len(pids) != 3 {
		l.t.Fatalf("leave_family gave %s, %v", call.GetResult(), err)
	}
	if alive := Alive(pids...); len(alive) != 3 {
		l.t.Fatalf("of the family %v only %v lives", pids, alive)
	}
	return pids
}

// TestWhateverDiesNothingIsLeft ends a worker, its watchdog and its node under a
// call and with descendants that are hard to find.
func TestWhateverDiesNothingIsLeft(t *testing.T) {
	l := newLab(t, 3, "--cpus", "1")
	l.processor("p", "--concurrency", "1")
	family, hang := l.socket("p", "leave_family"), l.socket("p", "hang_once")

	// dies shows one death: the call that ran is charged with it and tried again.
	dies := func(t *testing.T, end func(l *lab, worker *messages.Worker, node *Node), charged func(*messages.CallInfo) uint32) {
		l := l.in(t)
		pids := l.family(family)
		call := l.running(hang, "")
		worker := l.worker("p", call.GetNode())
		pids = append(pids, int(worker.GetProcess()), Parent(int(worker.GetProcess())))
		end(l, worker, l.node(call.GetNode()))
		l.allGone(pids...)
		call = l.ended(call.GetId(), "finished")
		if call.GetAttempts() != 2 || charged(call) != 1 || call.GetTries() != 0 || call.GetCrashes()+call.GetLost() != 1 {
			t.Errorf("%d attempts, %d tries, %d crashes, %d lost", call.GetAttempts(), call.GetTries(), call.GetCrashes(), call.GetLost())
		}
	}
	kill := func(pid int) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill %d: %v", pid, err)
		}
	}
	t.Run("worker killed", func(t *testing.T) {
		dies(t, func(_ *lab, w *messages.Worker, _ *Node) { kill(int(w.GetProcess())) }, (*messages.CallInfo).GetCrashes)
	})
	t.Run("watchdog killed", func(t *testing.T) {
		dies(t, func(_ *lab, w *messages.Worker, _ *Node) { kill(Parent(int(w.GetProcess()))) }, (*messages.CallInfo).GetCrashes)
	})
	t.Run("call cancelled", func(t *testing.T) {
		l := l.in(t)
		pids := l.family(family)
		call := l.running(hang, "")
		if _, err := l.c.Cancel(t.Context(), call.GetId(), "enough"); err != nil {
			t.Fatal(err)
		}
		l.allGone(pids...)
		l.ended(call.GetId(), "cancelled")
	})
	t.Run("node killed", func(t *testing.T) {
		var killed *Node
		dies(t, func(_ *lab, _ *messages.Worker, n *Node) { killed = n; n.Kill() }, (*messages.CallInfo).GetLost)
		if left := Below(killed.Data); len(left) > 0 {
			t.Errorf("processes %v of %s are left", left, killed.Name)
		}
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("node stopped", func(t *testing.T) {
		l := l.in(t)
		ready(l)
		pids := l.family(family)
		for _, n := range l.w.Nodes {
			if err := n.Stop(); err != nil {
				t.Errorf("%s: %v", n.Name, err)
			}
		}
		if left := Alive(pids...); len(left) > 0 {
			t.Errorf("processes %v are left by nodes that stopped", left)
		}
		if left := Below(l.w.Dir); len(left) > 0 {
			t.Errorf("processes %v are left by nodes that stopped", left)
		}
	})
}
