package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// hashEvery is after how many entries the whole state is hashed: it is read for
// that.
const hashEvery = 20

// watcher tells the host what a replica applied: for each entry the hash of its
// results, now and then that of its state.
type watcher struct {
	raftstore.Observer
	group *raftstore.Group
	note  func(string)
	seen  int
}

func (w *watcher) Applied(index uint64, results []messages.Result) {
	w.note(fmt.Sprintf("applied %d %d %s", w.group.ID(), index, hashResults(results)))
	if w.seen++; w.seen%hashEvery == 0 {
		w.hashState()
	}
	w.Observer.Applied(index, results)
}

func (w *watcher) hashState() {
	if hash, at, err := w.group.StateHash(); err == nil {
		w.note(fmt.Sprintf("state %d %d %s", w.group.ID(), at, hex.EncodeToString(hash[:8])))
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

func hashResults(results []messages.Result) string {
	sum := sha256.New()
	write := func(m proto.Message) {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			panic(err) // what has been applied can be encoded
		}
		fmt.Fprintf(sum, "%s %d\n", m.ProtoReflect().Descriptor().Name(), len(b))
		sum.Write(b)
	}
	for _, r := range results {
		write(r.Reply)
		for _, e := range r.Effects {
			write(e)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
