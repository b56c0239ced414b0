package sim

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// entryOf is one command of a made-up log, with its reply and effects.
func entryOf(command proto.Message, reply *messages.Reply, effects ...proto.Message) done {
	return done{1, 1, command, messages.Result{Reply: reply, Effects: effects}}
}

func id(key string) []byte { return messages.NewCallID(key, 1, 0).Bytes() }

func granted(session, slot string, window uint32) done {
	return entryOf(&messages.Grant{Session: session, Slot: slot, Processor: "p", Window: window}, &messages.Reply{})
}

func enqueued(effects ...proto.Message) done {
	return entryOf(&messages.Enqueue{}, &messages.Reply{}, effects...)
}

func started(call, session, slot string, attempt uint32) *messages.Start {
	return &messages.Start{Session: session, Slot: slot, Call: id(call), Attempt: attempt, Socket: "s"}
}

func endedAs(call string, seq uint64) *messages.Ended {
	return &messages.Ended{Call: &messages.Call{Id: id(call), Socket: "s", Seq: seq, State: messages.CallState_FINISHED}}
}

func completed(call, session, slot string, attempt uint32, stale bool, effects ...proto.Message) done {
	return entryOf(&messages.Complete{Session: session, Slot: slot, Call: id(call), Attempt: attempt, Outcome: messages.Outcome_OK},
		&messages.Reply{Result: &messages.Reply_Completed{Completed: &messages.Completed{Stale: stale}}}, effects...)
}

func sessionEnds(session string) done {
	return entryOf(&messages.EndSession{Session: session}, &messages.Reply{})
}

func ordered() done {
	return entryOf(&messages.ConfigureSocket{Socket: "s", Ordered: true}, &messages.Reply{})
}

func TestALogThatKeptItsPromisesIsClean(t *testing.T) {
	log := []done{
		ordered(),
		granted("n/1", "0", 2), granted("n/1", "1", 1),
		enqueued(started("a", "n/1", "0", 1)),
		sessionEnds("n/1"),
		completed("a", "n/1", "0", 1, true),
		granted("n/2", "0", 1),
		enqueued(started("a", "n/2", "0", 2)),
		completed("a", "n/2", "0", 2, false, endedAs("a", 1), started("b", "n/2", "0", 1)),
		entryOf(&messages.Cancel{Call: id("b")}, &messages.Reply{}, &messages.Abort{Session: "n/2", Slot: "0", Call: id("b"), Attempt: 1}, endedAs("b", 2)),
		completed("b", "n/2", "0", 1, true),
		enqueued(started("c", "n/2", "0", 1)),
		entryOf(&messages.Complete{Session: "n/2", Slot: "0", Call: id("c"), Attempt: 1, Outcome: messages.Outcome_CRASH},
			&messages.Reply{Result: &messages.Reply_Completed{Completed: &messages.Completed{}}}),
		granted("n/2", "0", 1),
		enqueued(started("c", "n/2", "0", 2)),
	}
	if broken := checkLeases(log); len(broken) > 0 {
		t.Fatalf("found %v", broken)
	}
}

func TestPlantedViolationsOfALogAreFound(t *testing.T) {
	for _, c := range []struct {
		name, promise string
		log           []done
	}{
		{"a session comes back", promiseEpochs, []done{granted("n/1", "0", 1), sessionEnds("n/1"), granted("n/1", "0", 1)}},
		{"an older session comes back", promiseEpochs, []done{granted("n/2", "0", 1), granted("n/1", "0", 1)}},
		{"a call goes to a session that has ended", promiseEpochs, []done{granted("n/1", "0", 1), sessionEnds("n/1"), enqueued(started("a", "n/1", "0", 1))}},
		{"a late result counts", promiseFencing, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), sessionEnds("n/1"), completed("a", "n/1", "0", 1, false)}},
		{"a result counts twice", promiseFencing, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, false, endedAs("a", 1)), completed("a", "n/1", "0", 1, false)}},
		{"a result does not count", promiseFencing, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, true)}},
		{"a slot is given too much", promiseCredits, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), enqueued(started("b", "n/1", "0", 1))}},
		{"a call runs at two slots", promiseOwner, []done{granted("n/1", "0", 1), granted("n/1", "1", 1), enqueued(started("a", "n/1", "0", 1)), enqueued(started("a", "n/1", "1", 2))}},
		{"a call is started that has ended", promiseOwner, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, false, endedAs("a", 1)), enqueued(started("a", "n/1", "0", 2))}},
		{"an attempt has the number of another", promiseAttempts, []done{granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, false), enqueued(started("a", "n/1", "0", 1))}},
		{"a call ends twice", promiseEnd, []done{enqueued(endedAs("a", 1)), enqueued(endedAs("a", 1))}},
		{"an ordered socket runs two", promiseOrder, []done{ordered(), granted("n/1", "0", 2), enqueued(started("a", "n/1", "0", 1)), enqueued(started("b", "n/1", "0", 1))}},
		{"one overtakes a retry", promiseOrder, []done{ordered(), granted("n/1", "0", 1), enqueued(started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, false), enqueued(started("b", "n/1", "0", 1))}},
		{"calls end in another order", promiseOrder, []done{ordered(), granted("n/1", "0", 1), enqueued(started("b", "n/1", "0", 1)), completed("b", "n/1", "0", 1, false, endedAs("b", 2), started("a", "n/1", "0", 1)), completed("a", "n/1", "0", 1, false, endedAs("a", 1))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken := checkLeases(c.log)
			if len(broken) != 1 || broken[0].Promise != c.promise {
				t.Fatalf("found %v, want one of %q", broken, c.promise)
			}
		})
	}
}
