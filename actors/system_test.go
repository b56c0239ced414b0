package actors

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// inTwoSystems runs a test with two linked systems, and an actor "echo" on b.
func inTwoSystems(t *testing.T, test func(*testing.T, *fakeNetwork, *System, *System)) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNetwork{systems: map[messages.NodeID]*System{}}
		a, b := n.system(t, "a"), n.system(t, "b")
		_, err := b.spawn("echo", func() actor.Actor {
			return actor.ReceiveFunc(func(c actor.Context) {
				switch m := c.Message().(type) {
				case *messages.Held:
					c.Respond(&messages.Held{Call: m.Call, Attempt: m.Attempt + 1})
				case *messages.Panic:
					panic(m.Reason)
				}
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = b.actors.Root.StopFuture(actor.NewPID("b", "echo")).Wait()
			a.Stop()
			b.Stop()
			time.Sleep(time.Second) // the library's throttle of dead letters ends
		}()
		test(t, n, a, b)
	})
}

func TestAskReachesAnActorOnAnotherNode(t *testing.T) {
	inTwoSystems(t, func(t *testing.T, _ *fakeNetwork, a, _ *System) {
		answer, err := a.Ask("b", "echo", &messages.Held{Call: []byte("x"), Attempt: 1}, time.Second)
		if held, is := answer.(*messages.Held); err != nil || !is || held.Attempt != 2 || string(held.Call) != "x" {
			t.Errorf("answer %v, %v", answer, err)
		}
	})
}

func TestAskSaysWhyThereIsNoAnswer(t *testing.T) {
	inTwoSystems(t, func(t *testing.T, n *fakeNetwork, a, _ *System) {
		for range 3 { // it is started again each time
			if _, err := a.Ask("b", "echo", &messages.Panic{Reason: "for show"}, time.Second); messages.InfoOf(err).GetKind() != messages.ErrorKind_INTERNAL {
				t.Errorf("of one that panics: %v", err)
			}
		}
		if _, err := a.Ask("b", "nobody", &messages.Held{}, time.Second); !errors.Is(err, messages.NotFound) {
			t.Errorf("of nobody: %v", err)
		}
		n.set(func() { n.lose = func(_, _ messages.NodeID, _ *messages.ActorEnvelope) bool { return true } })
		if _, err := a.Ask("b", "echo", &messages.Held{}, time.Second); !errors.Is(err, messages.Deadline) {
			t.Errorf("over a dead link: %v", err)
		}
		n.set(func() { n.lose = nil })
		if _, err := a.Ask("b", "echo", &messages.Held{}, 10*time.Second); err != nil {
			t.Errorf("after it panicked: %v", err)
		}
	})
}

func TestStrangeMessagesFromAnotherNodeAreDropped(t *testing.T) {
	inTwoSystems(t, func(t *testing.T, _ *fakeNetwork, a, b *System) {
		pill, _ := proto.Marshal(&actor.PoisonPill{})
		for _, e := range []*messages.ActorEnvelope{
			{Target: "echo", Type: "flow.v1.NotOfThisVersion"},
			{Target: "echo", Type: "actor.PoisonPill", Message: pill},
			{Target: "echo", Type: "flow.v1.Held", Message: []byte{0xff}},
			{Target: "guardian$1", Type: "flow.v1.Held"},
			{Target: "", Type: "flow.v1.Held"},
		} {
			body, err := proto.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			b.Deliver("a", body)
		}
		b.Deliver("a", []byte("garbage"))
		if _, err := a.Ask("b", "echo", &messages.Held{}, time.Second); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func FuzzDeliver(f *testing.F) {
	whole, _ := seal("echo", actor.NewPID("a", "x"), &messages.Held{Call: []byte("x")})
	f.Add(whole)
	f.Fuzz(func(t *testing.T, body []byte) {
		n := &fakeNetwork{systems: map[messages.NodeID]*System{}}
		s := n.system(t, "b")
		s.Deliver("a", body)
		s.Stop()
	})
}

func TestAlarmsEndWithTheSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&fakeNetwork{systems: map[messages.NodeID]*System{}}).system(t, "a")
		s.after(time.Second, func() { t.Error("an alarm went off after the system's end") })
		s.after(time.Second, func() { t.Error("an alarm went off that was cancelled") })()
		s.Stop()
		s.after(time.Second, func() { t.Error("an alarm was set after the system's end") })
		time.Sleep(time.Minute)
	})
}
