package worker

import "io"

// Pipe is the node's end of a pipe to a worker that something else has started
// and ends. Frames, and what may come when, are those of every worker.
type Pipe struct {
	dialogue
	requests io.Writer
	scratch  []byte // guarded by the dialogue's mu
}

// NewPipe makes the node's end. What requests is given are whole frames, whose
// memory is not its to keep; it must not block.
func NewPipe(requests io.Writer) *Pipe {
	p := &Pipe{requests: requests}
	p.request, p.completes = p.call, func(*Done, sent) {}
	return p
}

func (p *Pipe) call(seq uint64, w *Work) (err error) {
	if p.scratch, err = appendCall(p.scratch[:0], seq, w); err == nil {
		_, err = p.requests.Write(p.scratch)
	}
	return err
}

// Run tells the worker's events, but Exited, until its answers end. It gives
// what the worker has sent in place of an answer, if that is why.
func (p *Pipe) Run(answers io.Reader, events func(Event)) error {
	_, err := p.read(answers, events)
	p.end("")
	return err
}
