package actors

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

const (
	// maxTouches is what is remembered for listeners that come late; a slower one
	// is told how many it has missed. Up to twice as many are there, so that not
	// every entry copies them.
	maxTouches = 8192
	// tapIdle is for how long it is remembered when nobody asks.
	tapIdle = time.Minute
)

// Touch is an attempt that began, or a call that ended.
type Touch struct {
	Call    messages.CallID
	Attempt uint32
	Ended   bool
}

// tap remembers for listeners which calls were touched, while this replica leads
// and somebody listens. The others cost an entry one look at a flag.
type tap struct {
	mu      sync.Mutex
	epoch   uint64 // 0: nobody listens
	asked   time.Time
	last    uint64 // number of the last touch
	touches []Touch
	changed chan struct{}
}

// Touches is what a listener gets of a tap.
type Touches struct {
	Epoch   uint64 // numbers of another epoch mean nothing in this one
	Last    uint64 // number of the last touch
	Some    []Touch
	Dropped uint64          // touches that are not remembered any more
	Changed <-chan struct{} // closed when something happens after these
}

// Listen gives the touches after a number of an epoch; of another epoch, none.
func (p *Partition) Listen(epoch, after uint64, limit int) (Touches, error) {
	if !p.leading.Load() {
		return Touches{}, messages.Errorf(messages.NotLeader, "listen to", p.config.ID.Name(), "this node does not lead it")
	}
	return p.tap.read(epoch, after, limit, time.Now()), nil
}

func (t *tap) read(epoch, after uint64, limit int, now time.Time) Touches {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch == 0 {
		t.epoch, t.last, t.touches, t.changed = uint64(now.UnixNano()), 0, nil, make(chan struct{})
	}
	t.asked = now
	out := Touches{Epoch: t.epoch, Last: t.last, Changed: t.changed}
	if epoch != t.epoch {
		return out
	}
	first := t.last - uint64(len(t.touches)) // the number before the first that is remembered
	if after < first {
		out.Dropped, after = first-after, first
	}
	some := t.touches[after-first:]
	some = some[:min(len(some), limit)]
	out.Some, out.Last = append([]Touch(nil), some...), after+uint64(len(some))
	return out
}

// applied takes the effects of an entry.
func (t *tap) applied(effects []proto.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch == 0 {
		return
	}
	if time.Since(t.asked) > tapIdle {
		t.stop()
		return
	}
	for _, e := range effects {
		switch e := e.(type) {
		case *messages.Start:
			t.touches = append(t.touches, Touch{Call: messages.CallIDFrom(e.Call), Attempt: e.Attempt})
		case *messages.Ended:
			t.touches = append(t.touches, Touch{Call: messages.CallIDFrom(e.Call.Id), Ended: true})
		default:
			continue
		}
		t.last++
	}
	if over := len(t.touches) - maxTouches; over > maxTouches {
		t.touches = append([]Touch(nil), t.touches[over:]...)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// close sends all listeners away.
func (t *tap) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != 0 {
		t.stop()
	}
}

func (t *tap) stop() {
	t.epoch, t.touches = 0, nil
	close(t.changed)
}
