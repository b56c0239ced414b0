package worker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// MaxSent is the most works that a worker may hold unanswered.
const MaxSent = 4 * messages.MaxWindow

// dialogue is what the node says to a worker and what it hears from it, whatever
// carries the frames.
type dialogue struct {
	requests  func(seq uint64, works []Work) (n int, err error) // sends them, numbered from seq on; n: so many; must not block
	completes func(d *Done, of sent, fresh bool)                // adds to an answer what did not come with it; fresh: it is the first of those read together

	mu     sync.Mutex
	next   uint64 // sequence number of the next work
	sent   []sent // works without an answer, oldest first
	over   bool   // takes no more works
	reason string // why it was ended; empty: it was not

	fresh bool // no answer of those that were read together was told yet; for read alone
}

type sent struct {
	seq     uint64
	call    messages.CallID
	attempt uint32
	begun   bool
}

// Send hands works to the worker, in their order; it never blocks. An error means
// that the work it names, and those behind it, will not be run. Works may be sent
// before the module is imported.
func (d *dialogue) Send(works ...Work) error {
	for i := range works {
		if w := &works[i]; w.Tracking.IsZero() {
			w.Tracking = w.Call
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return refused(works, messages.Unavailable, "the worker has ended")
	}
	room := min(len(works), MaxSent-len(d.sent))
	n, err := d.requests(d.next, works[:room])
	for _, w := range works[:n] {
		d.sent = append(d.sent, sent{seq: d.next, call: w.Call, attempt: w.Attempt})
		d.next++
	}
	if err == nil && room < len(works) {
		err = refused(works[room:], messages.Exhausted, "the worker holds %d calls already", MaxSent)
	}
	return err
}

// refused says why the first of some works is not sent.
func refused(works []Work, kind messages.KindError, reason string, args ...any) error {
	if len(works) == 0 {
		return nil
	}
	return messages.Errorf(kind, "send call", works[0].Call.String(), reason, args...)
}

// idle says that the worker holds no call.
func (d *dialogue) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sent) == 0
}

// end takes no more works, and keeps the first reason that was given.
func (d *dialogue) end(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.reason == "" {
		d.reason = reason
	}
}

// maxTogether is how many events are told together.
const maxTogether = 128

// read tells the worker's events until its answers end, together what was read
// together. An error says what it sent that is no answer.
func (d *dialogue) read(answers io.Reader, events func(...Event)) (loaded bool, err error) {
	r := bufio.NewReaderSize(answers, 64<<10)
	for {
		var some []Event
		d.fresh = true
		for err == nil && (len(some) == 0 || len(some) < maxTogether && hasFrame(r)) {
			var e Event
			if e, err = d.readEvent(r, loaded); err == nil {
				some, loaded = append(some, e), true
			}
		}
		if len(some) > 0 {
			events(some...)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return loaded, nil
		}
		if err != nil {
			return loaded, err
		}
	}
}

func (d *dialogue) readEvent(r *bufio.Reader, loaded bool) (Event, error) {
	var header [5]byte
	kind, body, err := readFrame(r, &header)
	if err != nil {
		return nil, err
	}
	return d.event(kind, body, loaded)
}

// event turns a frame into the event it stands for. Answers come in the order
// in which works were sent: anything else is garbage.
func (d *dialogue) event(kind byte, body []byte, loaded bool) (Event, error) {
	if loaded == (kind == frameReady) {
		return nil, errors.New("a frame out of order")
	}
	switch kind {
	case frameReady:
		return Ready{}, nil
	case frameBegun:
		return d.begun(binary.BigEndian.Uint64(body))
	default:
		return d.done(body)
	}
}

func (d *dialogue) begun(seq uint64) (Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sent) == 0 || d.sent[0].seq != seq || d.sent[0].begun {
		return nil, errors.New("the begin of a call that was not its next")
	}
	d.sent[0].begun = true
	return Begun{Call: d.sent[0].call, Attempt: d.sent[0].attempt}, nil
}

func (d *dialogue) done(body []byte) (Event, error) {
	seq, answer, err := decodeDone(body)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	if len(d.sent) == 0 || d.sent[0].seq != seq || !d.sent[0].begun {
		d.mu.Unlock()
		return nil, errors.New("an answer to a call that it was not running")
	}
	first := d.sent[0]
	d.sent = d.sent[1:]
	d.mu.Unlock()
	answer.Call, answer.Attempt = first.call, first.attempt
	d.completes(answer, first, d.fresh)
	d.fresh = false
	return answer, nil
}
