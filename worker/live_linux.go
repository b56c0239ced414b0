package worker

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"github.com/elasticcode/flow/messages"
)

const (
	// maxLive is the most bytes of what a call prints that a follower can be
	// behind: older ones are written over.
	maxLive  = 64 << 10
	liveHead = 3 * 8
	// maxLogged is of how many answered works it is known how long the parts of
	// their logs are.
	maxLogged = 256
)

// live is memory that the interpreter writes what the running call prints to,
// so that it costs nobody anything while nobody follows. The layout is told by
// class Live in python/runner.py.
type live struct{ file *os.File }

func newLive() (*os.File, error) {
	fd, err := unix.MemfdCreate("flow-live", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "live")
	if err := file.Truncate(liveHead + maxLive); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// head gives how much a work has printed, and how much of the ring's past is
// being written over. A work that has not printed anything has no head yet.
func (l live) head(seq uint64) (printed, begun uint64) {
	var b [liveHead]byte
	if _, err := l.file.ReadAt(b[:], 0); err != nil || binary.NativeEndian.Uint64(b[:]) != seq+1 {
		return 0, 0
	}
	return binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[16:])
}

// since gives what a work has printed behind a place, as far as it is there.
func (l live) since(seq, after uint64) (text []byte, dropped uint64) {
	printed, _ := l.head(seq)
	if printed <= after {
		return nil, 0
	}
	begin := max(after, printed-min(printed, maxLive))
	text = make([]byte, printed-begin)
	at := begin % maxLive
	first := min(uint64(len(text)), maxLive-at)
	_, err := l.file.ReadAt(text[:first], int64(liveHead+at))
	if err == nil && first < uint64(len(text)) {
		_, err = l.file.ReadAt(text[first:], liveHead)
	}
	// What was written over meanwhile is not what was asked for.
	_, begun := l.head(seq)
	if err != nil || begun < printed {
		return nil, 0
	}
	if over := begun - min(begun, maxLive); over > begin {
		text = text[min(over-begin, uint64(len(text))):]
	}
	return text, printed - after - uint64(len(text))
}

// logged remembers how long the two parts of the latest logs are.
type logged struct {
	works [maxLogged]loggedWork
	next  int
}

type loggedWork struct {
	call        messages.CallID
	attempt     uint32
	own, others int
}

func (l *logged) add(s sent, own, others int) {
	l.works[l.next%maxLogged] = loggedWork{s.call, s.attempt, own, max(others, 0)}
	l.next++
}

// Printed gives what an attempt has printed behind a place while it runs, and
// for a while after its end how long the parts of its log are.
func (p *Process) Printed(q *messages.PrintedQuery) *messages.PrintedAnswer {
	call, after := messages.CallIDFrom(q.GetCall()), q.GetAfter()
	first, runs := p.runs(call, after.GetAttempt())
	if !runs {
		return p.lengths(call, after.GetAttempt())
	}
	own, dropped := p.live.since(first.seq, after.GetOwn())
	others := p.printed.since(after.GetOthers())
	if again, runs := p.runs(call, after.GetAttempt()); !runs || again.seq != first.seq {
		return &messages.PrintedAnswer{Known: true, Place: after} // it has just ended: what was read may be another's
	}
	return &messages.PrintedAnswer{Known: true, Text: bytes.ToValidUTF8(append(own, others...), []byte("\uFFFD")), Dropped: dropped,
		Place: &messages.LogPlace{Attempt: after.GetAttempt(), Own: after.GetOwn() + dropped + uint64(len(own)), Others: after.GetOthers() + uint64(len(others))}}
}

// unanswered gives the latest of what the attempt that was begun last has
// printed, when the worker is gone without an answer.
func (p *Process) unanswered() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 || !p.sent[0].begun {
		return nil
	}
	own, dropped := p.live.since(p.sent[0].seq, 0)
	if dropped > 0 {
		own = append([]byte("... the beginning of what was printed is not kept\n"), own...)
	}
	log := append(own, p.printed.since(0)...)
	return bytes.ToValidUTF8(log[:min(len(log), p.limits.Log)], []byte("\uFFFD"))
}

func (p *Process) runs(call messages.CallID, attempt uint32) (first sent, runs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		return sent{}, false
	}
	first = p.sent[0]
	return first, first.begun && first.call == call && first.attempt == attempt
}

func (p *Process) lengths(call messages.CallID, attempt uint32) *messages.PrintedAnswer {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.logged.works {
		if w.attempt == attempt && w.call == call {
			return &messages.PrintedAnswer{Known: true, Over: true,
				Place: &messages.LogPlace{Attempt: attempt, Own: uint64(w.own), Others: uint64(w.others)}}
		}
	}
	return &messages.PrintedAnswer{}
}
