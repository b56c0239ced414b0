package twin

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// hashEvery says at which indexes the whole state is hashed: their multiples,
// so that all replicas do so at the same ones. It is read for that.
const hashEvery = 100

// watcher tells the host what a replica applied: for each entry the hash of its
// results, now and then that of its state. The host computes the hashes: it is
// many times faster at that than a guest.
type watcher struct {
	raftstore.Observer
	group *raftstore.Group
	note  func(string)
	hash  func([]byte) uint64
	last  uint64 // index of the last state that was hashed
	rest  uint64 // where the replica was at the last look whether it rests

	voters int // at the last look
	told   int
}

func (w *watcher) Applied(index uint64, results []messages.Result) {
	w.note(fmt.Sprintf("applied %d %d %016x", w.group.ID(), index, w.hash(EncodeResults(results))))
	if index%hashEvery == 0 {
		w.hashState()
	}
	w.Observer.Applied(index, results)
}

// hashAtRest hashes the state of a replica that has applied nothing since the last
// look.
func (w *watcher) hashAtRest() {
	at := w.group.Applied()
	if at == w.rest && at != w.last {
		w.hashState()
	}
	w.rest = at
}

// hashState does nothing when nothing was applied since it was last called.
func (w *watcher) hashState() {
	var state []byte
	var at uint64
	err := w.group.View(func(view kv.View, applied uint64) error {
		if at = applied; at == w.last {
			return nil
		}
		state = EncodeState(view)
		return nil
	})
	if err == nil && at != w.last {
		w.last = at
		w.note(fmt.Sprintf("state %d %d %016x", w.group.ID(), at, w.hash(state)))
	}
}

// countVoters tells how many voters a group has that is led here, once it has seen
// them twice: who leads for so long has committed that they are. The world lets no
// disk rot that may hold the only copy.
func (w *watcher) countVoters() {
	if !w.group.IsLeader() {
		w.voters, w.told = 0, 0
		return
	}
	voters := 0
	for _, m := range w.group.Members() {
		if m.Voter {
			voters++
		}
	}
	again := voters == w.voters
	if w.voters = voters; again && voters != w.told {
		w.told = voters
		w.note(fmt.Sprintf("voters %d %d", w.group.ID(), voters))
	}
}

func (w *watcher) Leading(term uint64) {
	w.note(fmt.Sprintf("leading %d %d", w.group.ID(), term))
	w.Observer.Leading(term)
}

func (w *watcher) Following() {
	w.note(fmt.Sprintf("following %d", w.group.ID()))
	w.Observer.Following()
}

// EncodeState gives a state a form of which the hash is told.
func EncodeState(view kv.View) (state []byte) {
	for k, v := range view.Scan(nil, nil) {
		state = binary.AppendUvarint(state, uint64(len(k)))
		state = binary.AppendUvarint(state, uint64(len(v)))
		state = append(append(state, k...), v...)
	}
	return state
}

// EncodeResults gives replies and effects a form that tells them apart.
func EncodeResults(results []messages.Result) (b []byte) {
	write := func(m proto.Message) {
		name := m.ProtoReflect().Descriptor().Name()
		b = fmt.Appendf(b, "%s %d\n", name, proto.Size(m))
		var err error
		if b, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(b, m); err != nil {
			panic(err) // what has been applied can be encoded
		}
	}
	for _, r := range results {
		write(r.Reply)
		for _, e := range r.Effects {
			write(e)
		}
	}
	return b
}
