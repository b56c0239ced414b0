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
	request   func(seq uint64, w *Work) error // must not block
	completes func(*Done, sent)               // adds to an answer what did not come with it

	mu     sync.Mutex
	next   uint64 // sequence number of the next work
	sent   []sent // works without an answer, oldest first
	over   bool   // takes no more works
	reason string // why it was ended; empty: it was not
}

type sent struct {
	seq     uint64
	call    messages.CallID
	attempt uint32
	begun   bool
}

// Send hands a work to the worker; it never blocks. An error means that the
// work will not be run. Works may be sent before the module is imported.
func (d *dialogue) Send(w Work) error {
	if w.Tracking.IsZero() {
		w.Tracking = w.Call
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return messages.Errorf(messages.Unavailable, "send call", w.Call.String(), "the worker has ended")
	}
	if len(d.sent) >= MaxSent {
		return messages.Errorf(messages.Exhausted, "send call", w.Call.String(), "the worker holds %d calls already", MaxSent)
	}
	if err := d.request(d.next, &w); err != nil {
		return err
	}
	d.sent = append(d.sent, sent{seq: d.next, call: w.Call, attempt: w.Attempt})
	d.next++
	return nil
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

// read tells the worker's events until its answers end. An error says what it
// sent that is no answer.
func (d *dialogue) read(answers io.Reader, events func(Event)) (loaded bool, err error) {
	r := bufio.NewReaderSize(answers, 64<<10)
	var header [5]byte
	for {
		kind, body, err := readFrame(r, &header)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return loaded, nil
		}
		if err != nil {
			return loaded, err
		}
		event, err := d.event(kind, body, loaded)
		if err != nil {
			return loaded, err
		}
		loaded = true
		events(event)
	}
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
	d.completes(&answer, first)
	return answer, nil
}
