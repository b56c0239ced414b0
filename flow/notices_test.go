package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func told(all []*messages.Notice) (lines []string) {
	for _, n := range all {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %d %s %s", n.Channel, n.State, n.Attempt, n.Outcome, n.Message)))
	}
	return lines
}

func TestListenersHearWhatBecomesOfACall(t *testing.T) {
	w := newWorld(t)
	w.socket("A", func(c *messages.ConfigureSocket) { c.Retrydelay = proto64(0) })
	w.socket("B")
	w.grant("n/1", "0", 1)
	before := LastArrival(w.state)
	s := w.one(w.send("A", "a"), "a")
	w.later(second)
	s = w.one(starts(w.answer(s, messages.Outcome_EXCEPTION, func(c *messages.Complete) { c.Log = []byte("oh no") })), "a")
	w.later(second)
	w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Log = []byte("well") })
	w.send("B", "b")

	all := &messages.PollRequest{}
	arrived, last := ReceivedSince(w.state, all, before)
	if len(arrived) != 2 || last != LastArrival(w.state) || arrived[0].Call != id("a").String() || arrived[0].Socket != "A" {
		t.Errorf("arrived: %v", arrived)
	}
	if some, _ := ReceivedSince(w.state, &messages.PollRequest{Sockets: []string{"B"}}, before); len(some) != 1 || some[0].Socket != "B" {
		t.Errorf("arrived at B: %v", some)
	}
	if got, want := told(Touched(w.state, all, id("a"), 2, false)), []string{"log postrun 1  oh no", "task running 2"}; !slices.Equal(got, want) {
		t.Errorf("the second attempt: %q, want %q", got, want)
	}
	end := []string{"log postrun 2  well", `task postrun 2 finished "done"`, `output postrun 2 finished "done"`}
	if got := told(Touched(w.state, all, id("a"), 0, true)); !slices.Equal(got, end) {
		t.Errorf("the end: %q, want %q", got, end)
	}
	if got := told(Touched(w.state, &messages.PollRequest{Channels: []string{ChannelOutput}}, id("a"), 0, true)); !slices.Equal(got, end[2:]) {
		t.Errorf("the end on one channel: %q", got)
	}
	run := &messages.PollRequest{Tracking: id("a").Bytes(), Since: aMomentAgo}
	want := append([]string{"task received 0", "task running 1", "log postrun 1  oh no", "task running 2"}, end...)
	if got := told(past(w, run)); !slices.Equal(got, want) {
		t.Errorf("what is past of the run: %q, want %q", got, want)
	}
	run.Since = aMomentAgo + 2*second
	if got := told(past(w, run)); !slices.Equal(got, end) {
		t.Errorf("what is past of the last second: %q, want %q", got, end)
	}
}

func TestAnswerToAListenerIsBounded(t *testing.T) {
	w := newWorld(t)
	w.batch("A", "batch", MaxNotices+500)
	first, last := ReceivedSince(w.state, &messages.PollRequest{}, 0)
	rest, end := ReceivedSince(w.state, &messages.PollRequest{}, last)
	if len(first) != MaxNotices || len(rest) != 500 || end != LastArrival(w.state) {
		t.Errorf("%d, then %d up to %d", len(first), len(rest), end)
	}
}

// past gives what has happened since a time, answer after answer.
func past(w *world, want *messages.PollRequest) (all []*messages.Notice) {
	w.t.Helper()
	for next := want.Since; next != 0; {
		var some []*messages.Notice
		some, next = Past(w.state, &messages.PollRequest{Since: next, Tracking: want.Tracking})
		bytes := 0
		for _, m := range some {
			bytes += NoticeSize(m)
		}
		if bytes > MaxNoticeBytes+messages.MaxInline*3 {
			w.t.Fatalf("an answer has %d bytes", bytes)
		}
		all = append(all, some...)
	}
	return all
}

// TestPastComesInAnswersThatAreBoundedInBytes: each thing once and in order, over as many
// answers as it takes.
func TestPastComesInAnswersThatAreBoundedInBytes(t *testing.T) {
	w := newWorld(t)
	w.socket("A")
	w.grant("n/1", "0", 1)
	result := []byte(`"` + strings.Repeat("x", 200_000) + `"`)
	var want []string
	for i := range 60 { // 12 MB, told twice
		name := fmt.Sprint("c", i)
		s := w.one(w.send("A", name), name)
		w.answer(s, messages.Outcome_OK, func(c *messages.Complete) { c.Result = result })
		w.later(second)
		for _, state := range []string{"task received", "task running", "task postrun", "output postrun"} {
			want = append(want, id(name).String()+" "+state)
		}
	}
	var got []string
	for _, m := range past(w, &messages.PollRequest{Since: aMomentAgo}) {
		got = append(got, m.Call+" "+m.Channel+" "+m.State)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d things are told, want %d", len(got), len(want))
	}
}
