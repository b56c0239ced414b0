package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// event turns a frame into the event it stands for. Answers come in the order
// in which works were sent: anything else is garbage.
func (p *Process) event(kind byte, body []byte, loaded bool) (Event, error) {
	if loaded == (kind == frameReady) {
		return nil, errors.New("a frame out of order")
	}
	switch kind {
	case frameReady:
		return Ready{}, nil
	case frameBegun:
		return p.begun(binary.BigEndian.Uint64(body))
	default:
		return p.done(body)
	}
}

func (p *Process) begun(seq uint64) (Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 || p.sent[0].seq != seq || p.sent[0].begun {
		return nil, errors.New("the begin of a call that was not its next")
	}
	p.sent[0].begun = true
	return Begun{Call: p.sent[0].call, Attempt: p.sent[0].attempt}, nil
}

func (p *Process) done(body []byte) (Event, error) {
	seq, d, err := decodeDone(body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	if len(p.sent) == 0 || p.sent[0].seq != seq || !p.sent[0].begun {
		p.mu.Unlock()
		return nil, errors.New("an answer to a call that it was not running")
	}
	first := p.sent[0]
	p.sent = p.sent[1:]
	p.mu.Unlock()
	d.Call, d.Attempt = first.call, first.attempt
	own := len(d.Log)
	d.Log = p.joined(d.Log)
	p.mu.Lock()
	p.logged.add(first, own, len(d.Log)-own)
	p.mu.Unlock()
	return d, nil
}

// joined joins what the function printed with what programs that it ran printed.
func (p *Process) joined(log []byte) []byte {
	if more := p.printed.take(); len(more) > 0 {
		log = append(log[:len(log):len(log)], more...)
	}
	if len(log) > p.limits.Log {
		log = log[:p.limits.Log]
	}
	return bytes.ToValidUTF8(log, []byte("\uFFFD"))
}
