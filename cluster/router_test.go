package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/messages"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestCallsEndWhileLeadersChange(t *testing.T) {
	w := newWorld(t, 3, 1) // n3 holds no replica
	const callers, each = 16, 20
	ctx := within(t, 10*time.Second)
	accepted := make(chan messages.CallID, callers*each)
	for i := range callers {
		node := w.nodes[messages.NodeID(fmt.Sprintf("n%d", i%4))]
		go func() {
			for k := range each {
				id := messages.NewCallID(fmt.Sprintf("%d/%d", i, k), 1, 0)
				answer, err := node.router.Call(ctx, &messages.Enqueue{Id: id.Bytes()})
				switch {
				case err != nil:
					t.Errorf("call %d/%d: %v", i, k, err)
				case messages.CallIDFrom(answer.GetCall().GetId()) != id || answer.GetIndex() == 0:
					t.Errorf("call %d/%d came back as %v", i, k, answer)
				}
				accepted <- id
			}
		}()
	}
	// A call ends only after a change of leader that happens while it waits.
	stop := w.changeLeaders(func(int) {
		for body := range w.applied {
			m, err := (messages.Command{Type: messages.CommandEnqueue, Body: []byte(body)}).Decode()
			if err != nil {
				t.Error(err)
				return
			}
			w.ended[messages.CallIDFrom(m.(*messages.Enqueue).GetId())] = true
		}
	})
	for range callers * each {
		<-accepted
	}
	stop()
}

func TestProposalFindsTheLeaderFromAnyNode(t *testing.T) {
	w := newWorld(t, 3, 1)
	for _, leader := range []messages.NodeID{"n0", "n2", "n1"} {
		w.lead(leader)
		for id, n := range w.nodes {
			before := len(w.bodies())
			reply, position, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Tick{})
			if err != nil || reply == nil || position.GetGroup() != 1 || position.GetIndex() != uint64(before+1) {
				t.Errorf("%s leads, %s proposes: %v at %v, %v", leader, id, reply, position, err)
			}
			servers, err := n.router.Servers(within(t, 5*time.Second), 1)
			if err != nil || !slices.Equal(servers, n.Servers()) {
				t.Errorf("%s leads, %s reads servers %v, %v", leader, id, servers, err)
			}
			placements, err := n.router.FetchPlacements(within(t, 5*time.Second))
			if err != nil || len(placements) != 1 || placements[0].GetVersion() != 5 {
				t.Errorf("%s leads, %s reads placements %v, %v", leader, id, placements, err)
			}
			if n, err := n.router.ReadIndex(within(t, 5*time.Second), 1); err != nil || n != uint64(before+1) {
				t.Errorf("%s leads, %s reads index %d, %v", leader, id, n, err)
			}
		}
	}
}

func TestHostedIsAskedOfOneNode(t *testing.T) {
	w := newWorld(t, 1, 1)
	for _, from := range w.nodes {
		if h, err := from.router.Hosted(t.Context(), "n0", 1); h.GetIncarnation() != 4 || !h.GetOpen() || !h.GetCurrent() || err != nil {
			t.Errorf("%s asks n0: %v, %v", from.id, h, err)
		}
		if h, err := from.router.Hosted(t.Context(), "n1", 1); h.GetOpen() || err != nil {
			t.Errorf("%s asks n1: %v, %v", from.id, h, err)
		}
	}
}

func TestRefusalIsInTheReplyAndNotTriedAgain(t *testing.T) {
	w := newWorld(t, 3, 1)
	w.reply = &messages.Reply{Error: messages.Errorf(messages.Exhausted, "enqueue to socket", "s", "the mailbox is full").Info()}
	for id, n := range w.nodes {
		reply, _, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Tick{})
		if err != nil || reply.GetError().GetKind() != messages.ErrorKind_EXHAUSTED {
			t.Errorf("%s: %v, %v", id, reply, err)
		}
		call := messages.NewCallID(string(id), 1, 0)
		if answer, err := n.router.Call(within(t, 5*time.Second), &messages.Enqueue{Id: call.Bytes()}); !errors.Is(err, messages.Exhausted) || answer.GetIndex() != 0 {
			t.Errorf("%s: call refused with %v, %v", id, err, answer)
		}
	}
	if n := len(w.bodies()); n != 2*len(w.nodes) {
		t.Errorf("%d entries for %d proposals", n, 2*len(w.nodes))
	}
}

func TestLostAnswer(t *testing.T) {
	w := newWorld(t, 3, 1)
	for id, n := range w.nodes {
		// Applied twice does no harm: tried again.
		w.set(func() { w.loseNext = true })
		before := len(w.bodies())
		if _, _, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Cancel{}); err != nil || len(w.bodies()) != before+2 {
			t.Errorf("%s: %v after %d entries", id, err, len(w.bodies())-before)
		}
		// It may do harm: the caller decides.
		w.set(func() { w.loseNext = true })
		before = len(w.bodies())
		_, _, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Update{Name: "x"})
		if !errors.Is(err, messages.Unavailable) || !strings.Contains(err.Error(), "not known whether") || len(w.bodies()) != before+1 {
			t.Errorf("%s: %v after %d entries", id, err, len(w.bodies())-before)
		}
	}
}

func TestHarmfulCommandIsTriedAgainWhereItWasNotSent(t *testing.T) {
	w := newWorld(t, 3, 1)
	n := w.nodes["n3"]
	if _, _, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Tick{}); err != nil {
		t.Fatal(err)
	}
	w.set(func() { w.down["n0"] = true }) // n3 takes it for the leader
	w.lead("n2")
	if _, _, err := n.router.Propose(within(t, 5*time.Second), 1, &messages.Update{Name: "x"}); err != nil {
		t.Error(err)
	}
}

func TestDeadlineSaysWhatWentWrong(t *testing.T) {
	w := newWorld(t, 3, 1)
	w.lead("")
	for id, n := range w.nodes {
		_, _, err := n.router.Propose(within(t, 50*time.Millisecond), 1, &messages.Tick{})
		if !errors.Is(err, messages.Deadline) || !strings.Contains(err.Error(), "does not lead partition 1") {
			t.Errorf("%s: %v", id, err)
		}
	}
	w.lead("n0")
	id := messages.NewCallID("never ends", 1, 0)
	if _, err := w.nodes["n3"].router.Await(within(t, 50*time.Millisecond), id); !errors.Is(err, messages.Deadline) {
		t.Errorf("await: %v", err)
	}
	// The node that led when time was up knows that the call was accepted.
	answer, err := w.nodes["n0"].router.Call(within(t, 50*time.Millisecond), &messages.Enqueue{Id: id.Bytes()})
	if !errors.Is(err, messages.Deadline) || answer.GetIndex() == 0 {
		t.Errorf("call: %v, %v", err, answer)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.nodes["n0"].router.Await(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestQueryStaysHomeWhereItCan(t *testing.T) {
	w := newWorld(t, 3, 1)
	w.lead("n1")
	by := func(node messages.NodeID) string {
		t.Helper()
		response, err := w.nodes[node].router.Query(within(t, 5*time.Second), &messages.QueryRequest{Group: 1, Index: 7})
		if err != nil || response.GetIndex() != 7 {
			t.Fatalf("%s: %v, %v", node, response, err)
		}
		return response.GetCall().GetNode()
	}
	for _, node := range []messages.NodeID{"n0", "n1", "n2"} {
		if got := by(node); got != string(node) {
			t.Errorf("%s was answered by %s", node, got)
		}
	}
	if got := by("n3"); !w.nodes[messages.NodeID(got)].replica {
		t.Errorf("n3 was answered by %s", got)
	}
	w.set(func() { w.down["applying on n2"] = true })
	if got := by("n2"); got != "n1" {
		t.Errorf("n2, which lags behind, was answered by %s", got)
	}
}

// TestAGroupWithoutAMajorityIsToldSoon: whoever asks hears which nodes are
// missing, long before the time that they would wait for an answer.
func TestAGroupWithoutAMajorityIsToldSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 0)
		w.lead("")
		w.set(func() { w.lost = "2 of 3 voters of partition 1 cannot be reached: n1, n2" })
		r := w.nodes["n0"].router
		begin := time.Now()
		_, err := r.ReadIndex(within(t, time.Minute), 1)
		if !errors.Is(err, messages.Unavailable) || !strings.Contains(err.Error(), "cannot be reached: n1, n2") || time.Since(begin) > 2*unservedPatience {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		begin = time.Now()
		if _, err := r.ReadIndex(within(t, time.Minute), 1); err == nil || time.Since(begin) > maxPause {
			t.Errorf("the next waited %v: %v", time.Since(begin), err)
		}
		// One who asks for a moment only hears the same.
		w.set(func() { w.lost = "" })
		r.ReadIndex(within(t, maxPause), 1)
		w.set(func() { w.lost = "gone" })
		if _, err := r.ReadIndex(within(t, maxPause), 1); err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("in a short time: %v", err)
		}
		w.set(func() { w.lost = "" })
		w.lead("n0")
		if _, err := r.ReadIndex(within(t, time.Minute), 1); err != nil {
			t.Errorf("with a leader again: %v", err)
		}
	})
}
