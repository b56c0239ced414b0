package worker

import "bytes"

// addPrinted adds to an answer what programs printed that the function ran.
func (p *Process) addPrinted(d *Done, first sent) {
	own := len(d.Log)
	d.Log = p.joined(d.Log)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logged.add(first, own, len(d.Log)-own)
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
