package flow

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// TestEntriesOfAnyLengthDoTheSame applies the logs of random episodes anew,
// packed into entries of one to forty commands: each command must be answered
// as it was when it had an entry of its own, and the states must hold the same
// calls. So commands that share an entry do not disturb each other, and those
// that are refused leave nothing behind for the ones after them.
func TestEntriesOfAnyLengthDoTheSame(t *testing.T) {
	n := 600
	if testing.Short() {
		n /= 10
	}
	for seed := range uint64(n) {
		e := newEpisode(t, seed)
		e.run(commandsPerLife, false)
		e.packed()
		f := newFlowTest(t, seed)
		f.run(100, false)
		for _, side := range f.sides {
			side.packed()
		}
	}
}

// packed applies the episode's log in entries of random lengths. Their commands
// keep their own times, since some of them are about time.
func (e *episode) packed() {
	e.t.Helper()
	rng := rand.New(rand.NewPCG(e.seed, 13))
	state := kv.NewMap()
	var all []messages.Result
	var remembered recent // the episode itself was run without one
	for done := 0; done < len(e.log); {
		over := kv.NewOverlay(state)
		s := newStep(over, e.group, e.times[done], &remembered)
		s.supports = testLevel
		for n := 1 + rng.IntN(40); n > 0 && done < len(e.log); n-- {
			s.now = e.times[done]
			r, err := s.command(e.log[done])
			if err != nil {
				e.fatal("command %d: %v", done, err)
			}
			all = append(all, r)
			done++
		}
		s.save()
		state.Commit(over)
		if err := Check(state); err != nil {
			e.fatal("packed, after command %d: %v", done, err)
		}
		remembered.compare(e, state, rng)
		if rng.IntN(8) == 0 { // another replica goes on
			remembered = recent{}
		}
	}
	for i, r := range all {
		if got := tell(e.t, r); got != e.told[i] {
			e.fatal("packed, command %d was answered\n%s, want\n%s", i, got, e.told[i])
		}
	}
	sameMeaning(e.t, e.state, state)
	e.state = state
	e.compare()
}

// TestAMachineThatMissedEntriesDoesTheSame: a snapshot may replace the state below a
// machine, which must not go on with what it knew of the one before.
func TestAMachineThatMissedEntriesDoesTheSame(t *testing.T) {
	for seed := range uint64(200) {
		e := newEpisode(t, seed)
		e.run(commandsPerLife, false)
		rng := rand.New(rand.NewPCG(seed, 17))
		state, at, other := kv.NewMap(), &Machine{Group: e.group, Supports: testLevel}, 0
		for i, c := range e.log {
			machine := at
			if other--; other > 0 {
				machine = &Machine{Group: e.group, Supports: testLevel}
			} else if rng.IntN(6) == 0 {
				other = 1 + rng.IntN(5)
			}
			over := kv.NewOverlay(state)
			r, err := machine.Apply(over, uint64(1+i), e.times[i], c)
			if err != nil {
				e.fatal("command %d: %v", i, err)
			}
			state.Commit(over)
			if got := tell(t, r); got != e.told[i] {
				e.fatal("command %d was answered\n%s, want\n%s", i, got, e.told[i])
			}
		}
		sameMeaning(t, e.state, state)
	}
}

// compare holds what stays loaded, and some of the records that are remembered, to
// be what was written.
func (r *recent) compare(e *episode, state kv.View, rng *rand.Rand) {
	e.t.Helper()
	r.things.compare(e, state)
	for calls := range call.Ascend(state, 0) {
		if calls.Block != 0 || rng.IntN(4) > 0 {
			continue
		}
		a, there := r.calls.Take(state, calls.Last)
		b, written := call.Get(state, calls.Last)
		if there != written || there && (a.Block != b.Block || a.Expires != b.Expires || !proto.Equal(a.Call, b.Call)) {
			e.fatal("a record is remembered as %v, and was written as %v", a, b)
		}
	}
}

func (t *things) compare(e *episode, state kv.View) {
	e.t.Helper()
	over := kv.NewOverlay(state)
	for _, i := range t.sockets.all {
		k := *i.value
		k.SaveState(over)
		k.SaveConfig(over)
		fresh, ok := socket.Load(state, i.key, nil)
		if !ok || !proto.Equal(k.Config, fresh.Config) {
			e.fatal("socket %s is kept as %v, and loaded as %v", i.key, k, fresh)
		}
		got, has := k.Box.First(state)
		if want, ok := fresh.Box.First(state); got != want || has != ok {
			e.fatal("next at socket %s is %v, and of one that is loaded %v", i.key, got, want)
		}
	}
	for _, i := range t.processors.all {
		if _, there := state.Get([]byte("p/" + i.key)); there || i.value.Config != nil { // else it is not known, and empty
			i.value.SaveState(over)
		}
	}
	for _, i := range t.slots.all {
		i.value.Save(over)
	}
	for k, v := range over.Scan(nil, nil) {
		if want, ok := state.Get(k); !ok || !bytes.Equal(v, want) {
			e.fatal("%q is %x, and what stays loaded says %x", k, want, v)
		}
	}
}

// tell gives a result as text.
func tell(t testing.TB, r messages.Result) string {
	t.Helper()
	var b strings.Builder
	for _, m := range append([]proto.Message{r.Reply}, r.Effects...) {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(string(m.ProtoReflect().Descriptor().Name()) + " " + string(text) + "\n")
	}
	return b.String()
}

// brokenDisk is a view that cannot be read.
type brokenDisk struct{ kv.Tx }

func (brokenDisk) Get([]byte) ([]byte, bool) { panic("the disk is gone") }

// TestPanicOfTheStoreIsNotSwallowed holds Apply to pass on what it does not
// know: an entry of which half was applied must not count as applied.
func TestPanicOfTheStoreIsNotSwallowed(t *testing.T) {
	defer func() {
		if p := recover(); p != "the disk is gone" {
			t.Errorf("an entry was applied to a store that cannot be read: %v", p)
		}
	}()
	c, err := messages.NewCommand(&messages.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&Machine{Group: partitionOfTests}).ApplyEntry(brokenDisk{kv.NewMap()}, 1, 1, []messages.Command{c})
	t.Errorf("it returned %v, %v", r, err)
}
