package actors

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

func lastReport(w *world) *messages.Report {
	all := commands[*messages.Report](w.partition)
	if len(all) == 0 {
		return &messages.Report{}
	}
	return all[len(all)-1]
}

func reports(w *world, status string, running int32) func() bool {
	return func() bool {
		r := lastReport(w)
		return len(r.Deployments) == 1 && r.Deployments[0].Status == status && r.Deployments[0].Running == running
	}
}

func TestAgentStartsAndStopsSlots(t *testing.T) {
	inWorld(t, 1, 4, func(t *testing.T, w *world) {
		for _, n := range []int32{1, 3, 2, 0, 4} {
			w.place("c1", on(n))
			w.until("slots as placed", 5*time.Second, func() bool {
				alive, _ := w.workers[lead1].count()
				return alive == int(n) && w.partition.credits("c1") == int(n)
			})
		}
		w.agents[lead1].Assign(Assignments{})
		w.until("nothing is left", 5*time.Second, func() bool {
			alive, _ := w.workers[lead1].count()
			return alive == 0 && len(w.partition.all()) == 0
		})
	})
}

func TestNeverMoreSlotsThanCPUs(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", on(8))
		w.partition.run("10ms", 50)
		w.until("calls finish", 5*time.Second, w.finished(50))
		w.place("c2", on(8))
		w.partition.set(func() { w.partition.commit = "c2" })
		w.partition.run("10ms", 50)
		w.until("calls finish", 5*time.Second, w.finished(100))
		if w.workers[lead1].atOnce() != 2 {
			t.Errorf("%d workers at once on 2 CPUs", w.workers[lead1].atOnce())
		}
	})
}

func TestPlanMakesRoomBeforeItStarts(t *testing.T) {
	alive := map[slotKey]bool{{"a", 0}: false, {"a", 1}: false}
	start, end := plan([]want{{"a", 1, true}, {"b", 1, true}}, alive, 2)
	if len(start) != 0 || !slices.Equal(end, []slotKey{{"a", 1}}) {
		t.Errorf("start %v, end %v", start, end)
	}
	delete(alive, slotKey{"a", 1})
	start, end = plan([]want{{"a", 1, true}, {"b", 1, true}}, alive, 2)
	if !slices.Equal(start, []slotKey{{"b", 0}}) || len(end) != 0 {
		t.Errorf("start %v, end %v", start, end)
	}
}

func TestNewCommitLetsRunningCallsEndOnTheOldOne(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.builds[lead1].took = time.Second
		w.place("c1", on(2))
		running := w.partition.run("4s", 2)
		w.until("they run", 5*time.Second, func() bool { return len(w.workers[lead1].runs()) == 2 })
		w.partition.set(func() { w.partition.commit = "c2" })
		w.place("c2", on(2))
		w.partition.run("10ms", 10)
		w.until("all finish", 20*time.Second, w.finished(12))
		for _, id := range running {
			if got := w.partition.call(id).outcomes; !slices.Equal(got, []messages.Outcome{ok}) {
				t.Errorf("the running call ended %v", got)
			}
		}
		if got := w.workers[lead1].commits; got["c1"] != 2 || got["c2"] != 2 {
			t.Errorf("workers started by commit: %v", got)
		}
		w.until("it is reported", time.Second, func() bool { return lastReport(w).Deployments[0].Commit == "c2" && len(lastReport(w).Workers) == 2 })
	})
}

func TestReportSaysWhatGoesOn(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.builds[lead1].took = time.Second
		w.workers[lead1].load = time.Second
		w.place("c1", on(2))
		w.until("building", time.Second/2, reports(w, "building", 0))
		w.until("progress", time.Second/2, func() bool { return lastReport(w).Deployments[0].Message == "installing" })
		w.until("starting", time.Second, reports(w, "starting", 0))
		w.until("running", 2*time.Second, reports(w, "running", 2))
		r := lastReport(w)
		if r.Node != string(lead1) || r.Boot != 7 || r.Deployments[0].Processor != "p" || r.Deployments[0].Commit != "c1" || r.Deployments[0].Epoch != 5 {
			t.Errorf("report %v", r)
		}
		if len(r.Workers) != 2 || r.Workers[0].GetWorker().Process == 0 || r.Workers[1].GetWorker().Slot != 1 || r.Workers[0].GetWorker().Workerdir == "" || r.Workers[0].Id == r.Workers[1].Id {
			t.Errorf("workers %v", r.Workers)
		}
		n := len(commands[*messages.Report](w.partition))
		w.place("c1", on(2))
		w.partition.run("1ms", 100)
		time.Sleep(10 * time.Second)
		if again := len(commands[*messages.Report](w.partition)); again != n {
			t.Errorf("%d reports of what has not changed", again-n)
		}
		o := w.processor("c1")
		o.RequestedStatus = "stopped"
		w.agents[lead1].Assign(Assignments{Assignments: []Assignment{{Processor: o, Deployment: w.deployment(lead1, 2)}}})
		w.until("stopped", time.Second, reports(w, "stopped", 0))
	})
}

func TestFailedBuildIsTriedAgainAtOnceWhenAskedTo(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		builds := w.builds[lead1]
		builds.fail = errors.New("setup.py: no such package")
		w.place("c1", on(1))
		w.until("failed", time.Second, reports(w, "failed", 0))
		if got := lastReport(w).Deployments[0].Message; got != "setup.py: no such package" {
			t.Errorf("message %q", got)
		}
		w.place("c1", on(1))
		builds.set(func() { builds.fail = nil })
		o := w.processor("c1")
		o.GetProcessor().Restarted = 9
		w.agents[lead1].Assign(Assignments{Assignments: []Assignment{{Processor: o, Deployment: w.deployment(lead1, 1)}}})
		w.until("running after a restart", time.Second, reports(w, "running", 1))
		builds.set(func() { builds.fail = errors.New("it would be seen if the first were tried again") })
		n := len(builds.asked())
		time.Sleep(time.Hour)
		if again := len(builds.asked()) - n; again != 0 {
			t.Errorf("%d builds of what is there, or not asked for any more", again)
		}
	})
}

func TestFailedBuildIsTriedAgainWithGrowingPauses(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		builds := w.builds[lead1]
		builds.fail = errors.New("python3: signal: killed")
		w.place("c1", on(1))
		w.until("failed", time.Second, reports(w, "failed", 0))
		n := len(commands[*messages.Report](w.partition))
		time.Sleep(time.Minute)
		if got := len(builds.asked()); got != 4 { // after 5, 15 and 35 s
			t.Errorf("%d builds in the first minute", got)
		}
		time.Sleep(time.Hour)
		if got := len(builds.asked()); got < 12 || got > 20 {
			t.Errorf("%d builds in an hour and a minute", got)
		}
		if again := len(commands[*messages.Report](w.partition)) - n; again != 0 {
			t.Errorf("%d reports of what has not changed", again)
		}
		builds.set(func() { builds.fail = nil })
		w.until("running when it works again", maxRebuild+time.Minute, reports(w, "running", 1))
	})
}

func TestWorkerThatDoesNotStartIsReportedWithItsLastLines(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.workers[lead1].set(func(f *fakeWorkers) { f.broken = true })
		w.place("c1", on(1))
		w.until("failed", 5*time.Second, reports(w, "failed", 0))
		if got := lastReport(w).Deployments[0].Message; got != "exit status 1\nlast words" {
			t.Errorf("message %q", got)
		}
	})
}

func TestStandbyIsPreparedAfterTheNodesOwn(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		builds := w.builds[lead1]
		builds.took = time.Second
		other := w.processor("s1")
		other.Id = "q"
		w.agents[lead1].Assign(Assignments{Standby: []*messages.Object{other},
			Assignments: []Assignment{{Processor: w.processor("c1"), Deployment: w.deployment(lead1, 1)}}})
		w.until("both are prepared", 3*time.Second, func() bool { return len(builds.asked()) == 2 })
		if !slices.Equal(builds.asked(), []string{"c1", "s1"}) {
			t.Errorf("prepared in the order %v", builds.asked())
		}
		w.until("its slot runs", 3*time.Second, reports(w, "running", 1))
		if _, started := w.workers[lead1].count(); started != 1 {
			t.Errorf("%d workers, one of them for a standby", started)
		}
	})
}

func TestStoppedSlotLetsItsCallEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		id := w.partition.run("5s", 1)[0]
		w.until("it runs", time.Second, func() bool { return len(w.workers[lead1].runs()) == 1 })
		w.place("c1", on(0))
		w.until("it finishes", 6*time.Second, w.finished(1))
		if got := w.partition.call(id).outcomes; !slices.Equal(got, []messages.Outcome{ok}) {
			t.Errorf("it ended %v", got)
		}
		w.until("the slot is revoked", time.Second, func() bool { return len(w.partition.all()) == 0 })
	})
}

func TestStoppedSlotGivesUpACallThatDoesNotEnd(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		id := w.partition.run("hang once", 1)[0]
		w.until("it runs", time.Second, func() bool { return len(w.workers[lead1].runs()) == 1 })
		began := time.Now()
		w.place("c1", on(0))
		w.until("the slot is revoked", stopGrace+time.Second, func() bool { return len(w.partition.all()) == 0 })
		if got := commands[*messages.Revoke](w.partition); len(got) != 1 || got[0].Reason != "processor proc has fewer slots on node "+w.agents[lead1].config.Name {
			t.Errorf("revoked by %v", got)
		}
		if waited := time.Since(began); waited < stopGrace {
			t.Errorf("its grace was %v", waited)
		}
		w.place("c1", on(1))
		w.until("it runs again, uncharged", time.Second, w.finished(1))
		if got := w.partition.call(id).outcomes; !slices.Equal(got, []messages.Outcome{ok}) {
			t.Errorf("it ended %v", got)
		}
	})
}

func TestUnknownProcessorIsGrantedLater(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		refused := 0
		w.partition.refuse = nil
		w.partition.reply = func() *messages.Error {
			if refused++; refused <= 5 {
				return messages.Errorf(messages.Unavailable, "grant", "slot", "processor p is not known here yet")
			}
			return nil
		}
		w.place("c1", on(1))
		w.partition.run("1ms", 1)
		w.until("the call finishes", 10*time.Second, w.finished(1))
	})
}

func TestSlotThatAPartitionKnowsAndTheNodeDoesNotIsRevoked(t *testing.T) {
	inWorld(t, 1, 2, func(t *testing.T, w *world) {
		w.place("c1", on(1))
		w.partition.run("1ms", 1)
		w.until("the slot works", time.Second, w.finished(1))
		session := w.partition.Sessions()[0]
		if _, _, err := w.leader.propose(t.Context(), &messages.Grant{Session: session, Slot: AgentName + "/slot/ghost/0/99", Commit: "c1", Window: 1}); err != nil {
			t.Fatal(err)
		}
		w.partition.run("1ms", 10)
		w.until("no call waits for a slot that is not there", 5*time.Second, w.finished(11))
	})
}

func TestNextCodeIsTriedBesideWhatServes(t *testing.T) {
	inWorld(t, 1, 1, func(t *testing.T, w *world) {
		next := func(commit string) {
			w.agents[lead1].Assign(Assignments{Assignments: []Assignment{{Processor: w.processor("c1"), Next: w.processor(commit), Deployment: w.deployment(lead1, 1)}}})
		}
		says := func(commit, status string) func() bool {
			return func() bool {
				r := lastReport(w)
				return len(r.Deployments) == 1 && r.Deployments[0].Running == 1 && r.Deployments[0].NextCommit == commit && r.Deployments[0].NextStatus == status
			}
		}
		w.place("c1", on(1))
		w.until("running", time.Second, reports(w, "running", 1))
		running := w.partition.run("20s", 1)[0]
		w.workers[lead1].set(func(f *fakeWorkers) { f.broken = true })
		next("c2")
		w.until("the trial fails", 5*time.Second, says("c2", "failed"))
		if got := lastReport(w).Deployments[0].NextMessage; !strings.HasSuffix(got, "exit status 1\nlast words") {
			t.Errorf("message %q", got)
		}
		w.workers[lead1].set(func(f *fakeWorkers) { f.broken, f.load = false, time.Second })
		next("c3")
		w.until("it is built", time.Second/2, says("c3", "building"))
		w.until("the trial works", 5*time.Second, says("c3", "ready"))
		if alive, _ := w.workers[lead1].count(); alive != 1 {
			t.Errorf("%d workers are left", alive)
		}
		w.partition.set(func() { w.partition.commit = "c3" })
		w.place("c3", on(1))
		w.until("it takes the place", 30*time.Second, func() bool {
			return w.finished(1)() && lastReport(w).Deployments[0].Commit == "c3" && reports(w, "running", 1)()
		})
		if got := w.partition.call(running).outcomes; !slices.Equal(got, []messages.Outcome{ok}) {
			t.Errorf("the call that ran meanwhile ended %v", got)
		}
	})
}
