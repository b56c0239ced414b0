package actors

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

func touches(n int) (effects []proto.Message) {
	for i := range n {
		effects = append(effects, &messages.Start{Call: messages.NewCallID("call", 1, i).Bytes(), Attempt: 1})
	}
	return effects
}

func TestTapIsShutUntilSomebodyListens(t *testing.T) {
	var tap tap
	tap.applied(touches(3))
	if tap.touches != nil {
		t.Error("nobody listens, and touches are remembered")
	}
	first := tap.read(0, 0, 10, time.Now())
	tap.applied(touches(3))
	select {
	case <-first.Changed:
	default:
		t.Fatal("a listener was not told")
	}
	heard := tap.read(first.Epoch, first.Last, 2, time.Now())
	if len(heard.Some) != 2 || heard.Dropped != 0 || heard.Some[1].Call.Index() != 1 {
		t.Errorf("heard %v", heard)
	}
	if rest := tap.read(first.Epoch, heard.Last, 10, time.Now()); len(rest.Some) != 1 || rest.Some[0].Call.Index() != 2 {
		t.Errorf("then %v", rest)
	}
}

func TestSlowListenerIsToldWhatItMissed(t *testing.T) {
	var tap tap
	first := tap.read(0, 0, 10, time.Now())
	tap.applied(touches(2*maxTouches + 7))
	heard := tap.read(first.Epoch, first.Last, maxTouches, time.Now())
	if heard.Dropped != maxTouches+7 || len(heard.Some) != maxTouches || heard.Last != 2*maxTouches+7 {
		t.Errorf("dropped %d, heard %d up to %d", heard.Dropped, len(heard.Some), heard.Last)
	}
}

func TestListenersOfAReplicaThatLeadsNoMoreAreSentAway(t *testing.T) {
	var tap tap
	before := tap.read(0, 0, 10, time.Now())
	tap.close()
	<-before.Changed
	tap.applied(touches(1))
	if after := tap.read(before.Epoch, before.Last, 10, time.Now().Add(time.Second)); after.Epoch == before.Epoch || after.Some != nil {
		t.Errorf("then %v", after)
	}
}
