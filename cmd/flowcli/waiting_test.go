package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// waitsFor makes the calls of a fake wait for one thing after the other, as they
// are looked at; each ends when the last was seen, unless it is to go on.
func waitsFor(f *fake, goesOn bool, waits ...string) {
	f.answer = func(r *messages.RunRequest) (*messages.CallInfo, error) {
		call := fakeCall(r.Socket, 1)
		call.Id = messages.NewCallID(r.Id, 0, 0).String()
		f.calls = append(f.calls, call)
		return call, nil
	}
	ends := make(chan struct{})
	f.ends = ends
	looks := 0 // looks come one after the other
	f.looked = func(call *messages.CallInfo) *messages.CallInfo {
		now := waits[min(looks, len(waits)-1)]
		if looks++; looks == len(waits) && !goesOn {
			defer close(ends)
		}
		state := "queued"
		if strings.HasPrefix(now, "running") {
			state = "running"
		}
		return &messages.CallInfo{Id: call.Id, Socket: call.Socket, State: state, Waiting: now}
	}
}

func TestPeopleAreToldOnceWhatACallWaitsFor(t *testing.T) {
	s := newShell(t, socketIn())
	waitsFor(s.fake, false, "building environment\ninstalling numpy", "building environment\ninstalling numpy", "retry in 3 s", "retry in 2 s", "paused", "running on node a, attempt 1", "")
	r := s.run("run", doThis, "1")
	want := "waiting: building environment: installing numpy\nwaiting: retry in 3 s\nwaiting: paused\nrunning on node a, attempt 1\n"
	if r.code != 0 || r.err != want || r.out != "1\n" {
		t.Errorf("exit %d, %q, on stderr %q, want %q", r.code, r.out, r.err, want)
	}
}

func TestTimeoutIsExactThoughTheNetworkDoesNotAnswer(t *testing.T) {
	s := newShell(t, socketIn())
	waitsFor(s.fake, true, "paused")
	began := time.Now()
	complains(t, s.run("run", doThis, "1", "--timeout", "200ms"), 6, "waiting: paused", "it is queued (paused)", "flowcli task result ")
	if took := time.Since(began); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestInterruptNamesTheCall(t *testing.T) {
	s := newShell(t, socketIn())
	waitsFor(s.fake, true, "paused")
	ctx, interrupt := context.WithCancel(t.Context())
	look := s.fake.looked
	s.fake.looked = func(call *messages.CallInfo) *messages.CallInfo { interrupt(); return look(call) }
	id := messages.NewCallID("mine", 0, 0).String()
	complains(t, s.runWith(ctx, strings.NewReader(""), "run", doThis, "1", "--id", "mine"), 130, "interrupted", "flowcli task result "+id)
}
