package worker

import (
	"errors"
	"io"
)

// Pipe is the node's end of a pipe to a worker that something else has started
// and ends. Frames, and what may come when, are those of every worker.
type Pipe struct {
	dialogue
	to      io.Writer
	scratch []byte // guarded by the dialogue's mu
}

// NewPipe makes the node's end. What requests is given are whole frames, whose
// memory is not its to keep; it must not block.
func NewPipe(requests io.Writer) *Pipe {
	p := &Pipe{to: requests}
	p.requests, p.completes = p.calls, func(*Done, sent, bool) {}
	return p
}

func (p *Pipe) calls(seq uint64, works []Work) (n int, err error) {
	b := p.scratch[:0]
	for n < len(works) && err == nil {
		if b, err = appendCall(b, seq+uint64(n), &works[n]); err == nil {
			n++
		}
	}
	p.scratch = b
	_, writeErr := p.to.Write(b)
	return n, errors.Join(err, writeErr)
}

// Run tells the worker's events, but Exited, until its answers end. It gives
// what the worker has sent in place of an answer, if that is why.
func (p *Pipe) Run(answers io.Reader, events func(...Event)) error {
	_, err := p.read(answers, events)
	p.end("")
	return err
}
