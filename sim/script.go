package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Event is one fault or operation of a run. All of a run's events are its
// script: drawn from the seed before the run begins, so that a script that is
// given instead, with some of them left out, is the same run until the first
// that is missing. What a number means is its kind's affair; none of them is
// drawn while the run goes on.
type Event struct {
	At    time.Duration `json:"at"` // since the network was set up
	Kind  string        `json:"kind"`
	Node  int           `json:"node"`            // index of the node that it befalls
	Peer  int           `json:"peer,omitempty"`  // index of the node at the other end of a link
	For   time.Duration `json:"for,omitempty"`   // how long it lasts
	Count int           `json:"count,omitempty"` // a number of things
	Share float64       `json:"share,omitempty"` // a share, from 0 to 1
}

func (e Event) String() string {
	return fmt.Sprintf("%s n%d peer n%d for %s count %d share %.3f", e.Kind, e.Node+1, e.Peer+1, e.For, e.Count, e.Share)
}

// kind is a kind of event.
type kind struct {
	name  string
	about string
	draw  func(rng *rand.Rand, nodes int, e *Event) // fills in what it needs
	do    func(w *World, e Event)
}

// kinds are all that there are, in the order in which they are listed.
func kinds() []kind { return slices.Concat(faultKinds(), operationKinds()) }

// Kinds gives the names of all kinds of events.
func Kinds() (names []string) {
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// About says what a kind of event does.
func About(name string) string {
	if k := find(name); k != nil {
		return k.about
	}
	return ""
}

func find(name string) *kind {
	all := kinds()
	if i := slices.IndexFunc(all, func(k kind) bool { return k.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// eventEvery is the longest time between two events.
const eventEvery = 3 * time.Second

// draw makes the script of a run.
func draw(rng *rand.Rand, o Options) []Event {
	if len(o.Faults) == 0 {
		return nil
	}
	var script []Event
	for at := some(rng, eventEvery); at < o.For-Settle; at += some(rng, eventEvery) {
		k := find(o.Faults[rng.IntN(len(o.Faults))])
		e := Event{At: at, Kind: k.name, Node: rng.IntN(o.Nodes)}
		k.draw(rng, o.Nodes, &e)
		script = append(script, e)
	}
	return script
}

// some is a random time up to a limit.
func some(rng *rand.Rand, limit time.Duration) time.Duration {
	return 1 + time.Duration(rng.Int64N(int64(limit)))
}

// perform puts the script on the agenda. What would happen after the faults'
// end does not: the network has to settle.
func (w *World) perform() {
	for _, e := range w.script {
		if at := w.now + int64(e.At); at < w.until {
			w.at(at, func() {
				w.trace.add(w.now, nil, "", "event: %s", e)
				w.record("world", 0, "event "+e.String())
				w.count[e.Kind]++
				find(e.Kind).do(w, e)
			})
		}
	}
}

// after does something when a time is over, at the latest at the faults' end.
func (w *World) after(d time.Duration, do func()) {
	w.at(min(w.now+int64(d), w.until), do)
}

// CheckScript says what is wrong with a script or with a choice of kinds.
func CheckScript(nodes int, names []string, script []Event) error {
	for _, name := range names {
		if find(name) == nil {
			return fmt.Errorf("fault %q: want some of %s", name, strings.Join(Kinds(), ", "))
		}
	}
	for _, e := range script {
		if find(e.Kind) == nil || e.Node < 0 || e.Node >= nodes || e.Peer < 0 || e.Peer >= nodes || e.At < 0 || e.For < 0 || e.Count < 0 {
			return fmt.Errorf("event %+v: want a known kind, nodes from 0 to %d, and no negative numbers", e, nodes-1)
		}
	}
	return nil
}
