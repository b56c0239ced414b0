//go:build e2e

package chaos

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	kills = 10
	// clockSlack is what a tick may take from its time to the log: a leader that
	// is killed in between takes it along.
	clockSlack = 500 * time.Millisecond
)

// outage is a time in which a partition had no leader, in microseconds: from the
// kill until another one was seen.
type outage struct{ from, to int64 }

// TestScheduleThroughKills lets two schedules tick each second while the leader
// of their partition is killed ten times. No tick is taken twice; under skip
// only those are missing for which there was no leader; under run_once one call
// stands for all that an outage has missed.
func TestScheduleThroughKills(t *testing.T) {
	l := newLab(t, 3)
	ctx := t.Context()
	if _, err := l.c.Create(ctx, &messages.Object{Name: "beat", Kind: messages.Kind_KIND_PROCESSOR,
		Spec: &messages.Object_Processor{Processor: &messages.Processor{BuiltinEcho: true, Concurrency: 2}}}); err != nil {
		t.Fatal(err)
	}
	skip := l.socket("beat", "echo", "--interval", "1", "--scheduled", "--missed", "skip")
	l.cli("add", "socket", "-n", "once", "-q", "q", "-pn", "beat", "-t", "echo", "-i", "1s", "-s", "--missed", "run_once", "--schedule-data", `["tick"]`)
	group := l.list(messages.Kind_KIND_SOCKET, "")[0].GetSocket().GetPartition()
	l.until("the first ticks", soon, func() bool { return len(l.ticks(skip)) > 1 && len(l.ticks("once")) > 1 })

	var outages []outage
	for range kills {
		outages = append(outages, l.killLeader(group))
	}
	before := len(l.ticks(skip))
	l.until("ticks after the last kill", soon, func() bool { return len(l.ticks(skip)) > before+1 })
	l.cli("schedule", "pause", skip)
	l.cli("schedule", "pause", "once")

	skipped := l.ticks(skip)
	checkTimes(t, skipped)
	missing := missingTicks(skipped)
	for _, nominal := range missing {
		if !slices.ContainsFunc(outages, func(o outage) bool { return o.covers(nominal) }) {
			t.Errorf("under skip the tick of %s is missing, and there was a leader: %v", stamp(nominal), outages)
		}
	}
	once := l.ticks("once")
	checkTimes(t, once)
	made := l.checkCatchUps(once, outages)
	t.Logf("%d kills: %d ticks under skip, %d are missing; %d under run_once, %d of them for what was missed", kills, len(skipped), len(missing), len(once), made)
	l.checkListed(skip, skipped)
	if len(missing) == 0 || made == 0 {
		t.Error("no outage has missed a tick: nothing was tested")
	}
}

// ticks gives the calls of a socket in the order of their nominal times.
func (l *lab) ticks(socket string) (calls []*messages.CallInfo) {
	l.t.Helper()
	r, err := l.c.ListCalls(l.t.Context(), &messages.ListCallsRequest{Socket: socket, Ascend: true, Rows: messages.MaxPageRows})
	if err != nil {
		l.t.Fatal(err)
	}
	return r.GetCalls()
}

// killLeader kills the leader of a partition, waits for another one, and starts
// the node again.
func (l *lab) killLeader(group uint32) outage {
	l.t.Helper()
	victim := l.node(l.leader(group))
	o := outage{from: time.Now().UnixMicro()}
	victim.Kill()
	l.until("another leader", soon, func() bool {
		name := l.leader(group)
		return name != "" && name != victim.Name
	})
	o.to = time.Now().UnixMicro()
	if err := victim.Start(); err != nil {
		l.t.Fatal(err)
	}
	ready(l)
	return o
}

func (l *lab) leader(group uint32) string {
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Second)
	defer cancel()
	info, err := l.c.Network(ctx)
	if err != nil {
		return ""
	}
	for _, g := range info.GetGroups() {
		if g.GetGroup() == group {
			return g.GetLeader()
		}
	}
	return ""
}

func (o outage) covers(nominal int64) bool {
	return nominal >= o.from-clockSlack.Microseconds() && nominal <= o.to
}

// checkTimes: each tick is of another full second, none came before its time,
// and later ones were taken later.
func checkTimes(t *testing.T, calls []*messages.CallInfo) {
	t.Helper()
	for i, c := range calls {
		if c.Tick%1_000_000 != 0 || c.Received < c.Tick || i > 0 && c.Tick <= calls[i-1].Tick {
			t.Errorf("tick %d is of %s, taken at %s, call %s", i, stamp(c.Tick), stamp(c.Received), c.Id)
		}
	}
}

// missingTicks gives the seconds between the first tick and the last that have none.
func missingTicks(calls []*messages.CallInfo) (missing []int64) {
	for i, c := range calls[1:] {
		for at := calls[i].Tick + 1_000_000; at < c.Tick; at += 1_000_000 {
			missing = append(missing, at)
		}
	}
	return missing
}

// checkCatchUps: an outage that missed ticks has one call that makes up for
// them, of the last of them, and only such ticks are missing.
func (l *lab) checkCatchUps(calls []*messages.CallInfo, outages []outage) (made int) {
	t := l.t
	t.Helper()
	missing := missingTicks(calls)
	for _, o := range outages {
		var caught []int64
		for _, c := range calls {
			// One that was taken before the kill is of the outage before.
			if c.CatchUp && o.covers(c.Tick) && c.Received >= o.from {
				caught = append(caught, c.Tick)
			}
		}
		made += len(caught)
		lost := slices.DeleteFunc(slices.Clone(missing), func(at int64) bool { return !o.covers(at) })
		switch {
		case len(caught) > 1:
			t.Errorf("%d calls make up for one outage, from %s to %s: those of %s and %s", len(caught), stamp(o.from), stamp(o.to), stamp(caught[0]), stamp(caught[1]))
		case len(lost) > 0 && (len(caught) == 0 || slices.Max(lost) > caught[0]):
			t.Errorf("ticks up to %s were missed, made up for by %v", stamp(slices.Max(lost)), caught)
		}
		missing = slices.DeleteFunc(missing, o.covers)
	}
	for _, at := range missing {
		t.Errorf("under run_once the tick of %s is missing, and there was a leader", stamp(at))
	}
	for _, c := range calls {
		if c.CatchUp && !slices.ContainsFunc(outages, func(o outage) bool { return o.covers(c.Tick) }) {
			t.Errorf("call %s makes up for the tick of %s, and there was a leader", c.Id, stamp(c.Tick))
		}
	}
	return made
}

// checkListed: what ls schedules says of a schedule fits its calls.
func (l *lab) checkListed(socket string, calls []*messages.CallInfo) {
	l.t.Helper()
	all, err := l.c.ListSchedules(l.t.Context(), &messages.ListSchedulesRequest{Socket: socket})
	if err != nil || len(all) != 1 {
		l.t.Fatalf("schedules %v, %v", all, err)
	}
	if s := all[0]; s.Calls != uint64(len(calls)) || s.Last != calls[len(calls)-1].Tick || s.State != "paused" || s.Skipped != 0 {
		l.t.Errorf("the schedule is %v, and has made %d calls", s, len(calls))
	}
	if out := l.cli("ls", "schedules"); !strings.Contains(out, socket) || !strings.Contains(out, "run_once") {
		l.t.Errorf("ls schedules prints\n%s", out)
	}
}

func stamp(micros int64) string { return time.UnixMicro(micros).UTC().Format("15:04:05.000") }
