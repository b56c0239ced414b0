package worker

import "bytes"

// addPrinted adds to an answer what programs printed that the function ran. Of
// answers that were read together the first, which is fresh, gets what was printed
// before all of them: it cannot be told apart.
func (p *Process) addPrinted(d *Done, first sent, fresh bool) {
	own := len(d.Log)
	if fresh {
		d.Log = joined(d.Log, p.printed.take())
	}
	if len(d.Log) > 0 {
		d.Log = bytes.ToValidUTF8(d.Log[:min(len(d.Log), p.limits.Log)], []byte("\uFFFD"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logged.add(first, own, len(d.Log)-own)
}

// joined joins what the function printed with what programs that it ran printed.
func joined(log, more []byte) []byte {
	if len(more) == 0 {
		return log
	}
	return append(log[:len(log):len(log)], more...)
}
