package raftstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestProposalsOfOneCallerAreAnsweredEachAndInOrder: they go into the log in their
// order. Answers of entries that are on their way together come as they come.
func TestProposalsOfOneCallerAreAnsweredEachAndInOrder(t *testing.T) {
	a := alone(t, nil)
	var all []messages.Command
	for range 100 {
		all = append(all, command("add x 1"))
	}
	all[50] = command("refuse")
	all[60] = messages.Command{Type: messages.CommandEnqueue, Body: make([]byte, messages.MaxEntryBytes)}
	told := make([]string, len(all))
	at := make([]uint64, len(all))
	a.group.ProposeAll(patience(t), all, func(i int, r messages.Result, index uint64, err error) {
		switch {
		case told[i] != "":
			t.Errorf("command %d is answered again", i)
		case err != nil:
			told[i] = "error"
			if i != 60 || !errors.Is(err, messages.Invalid) {
				t.Errorf("command %d: %v", i, err)
			}
		case r.Reply.GetError() != nil:
			told[i] = "refused"
		default:
			told[i] = text(r)
		}
		at[i] = index
	})
	sum, last := 0, uint64(0)
	for i, got := range told {
		want := "refused"
		if i == 60 {
			want = "error"
		} else if i != 50 {
			sum++
			want = strconv.Itoa(sum)
		}
		if got != want {
			t.Errorf("command %d: %q, want %q", i, got, want)
		}
		if i != 60 && at[i] < last {
			t.Errorf("command %d is at %d, and one before it at %d", i, at[i], last)
		}
		last = max(last, at[i])
	}
}

// TestProposalsWithoutAnAnswerHaveAnError: the majority is gone, or whoever asked.
func TestProposalsWithoutAnAnswerHaveAnError(t *testing.T) {
	n, nodes := trio(t, nil)
	a := nodes[0]
	a.must("add x 1")
	n.isolate("a", true)
	all := []messages.Command{command("add x 1"), command("add x 1")}
	outcomes := func(ctx context.Context) (told []error) {
		told = make([]error, len(all))
		times := 0
		a.group.ProposeAll(ctx, all, func(i int, _ messages.Result, _ uint64, err error) {
			told[i] = err
			times++
		})
		if times != len(all) {
			t.Errorf("%d answers for %d commands", times, len(all))
		}
		return told
	}
	for i, err := range outcomes(patience(t)) {
		if !errors.Is(err, messages.Unavailable) {
			t.Errorf("command %d: %v", i, err)
		}
	}
	eventually(t, "a hears that it no longer leads", func() bool { return a.diary.has("following") })
	for i, err := range outcomes(patience(t)) {
		if !errors.Is(err, messages.NotLeader) {
			t.Errorf("command %d at the lost leader: %v", i, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	next := leader(t, nodes[1], nodes[2])
	count := 0
	next.group.ProposeAll(ended, all, func(int, messages.Result, uint64, error) { count++ })
	if count != len(all) {
		t.Errorf("%d answers for %s", count, fmt.Sprint(len(all), " commands of a caller that has gone"))
	}
}
