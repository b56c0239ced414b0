package flow

import (
	"iter"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/flow/tally"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// spans gives what a list is made of, in its order: the whole partition is read
// from its records, a run from its own index, all else from the rolls of the
// sockets.
func (l *listing) spans(from uint64) iter.Seq[span.Span] {
	switch {
	case !l.run.IsZero():
		return l.merge(l.runSources(from))
	case l.socket == "" && l.states == every && l.ascend:
		return call.Ascend(l.view, from)
	case l.socket == "" && l.states == every:
		return call.Descend(l.view, from)
	}
	var sources []iter.Seq[span.Span]
	for _, k := range l.sockets() {
		sources = append(sources, l.rollSources(k, from)...)
	}
	return l.merge(sources)
}

func (l *listing) sockets() []*socket.Socket {
	if l.socket == "" {
		return socket.All(l.view)
	}
	if k, ok := socket.Load(l.view, l.socket, nil); ok {
		return []*socket.Socket{k}
	}
	return nil
}

// rollSources gives a socket's calls in the states that are asked for.
func (l *listing) rollSources(k *socket.Socket, from uint64) (sources []iter.Seq[span.Span]) {
	for _, class := range roll.Classes() {
		if class == roll.Open {
			sources = append(sources, l.openSources(k, from)...)
			continue
		}
		state := messages.CallState(class)
		if l.states.has(state) && *k.Counts.Of(state) > 0 {
			sources = append(sources, l.ended(k, class, from))
		}
	}
	return sources
}

// ended gives a socket's calls that ended in one way, in the list's order.
func (l *listing) ended(k *socket.Socket, class roll.Class, from uint64) iter.Seq[span.Span] {
	if l.ascend {
		return roll.Ascend(l.view, k.Number, class, from)
	}
	return roll.Descend(l.view, k.Number, class, from)
}

// openSources gives a socket's calls that have not ended: those that wait, and
// those that run.
func (l *listing) openSources(k *socket.Socket, from uint64) (sources []iter.Seq[span.Span]) {
	if l.states.has(messages.CallState_QUEUED) && k.Counts.Queued > 0 {
		sources = append(sources, l.below(roll.Socket(k.Number, roll.Open), from))
	}
	if l.states.has(messages.CallState_RUNNING) && k.Counts.Running > 0 {
		sources = append(sources, l.ones(runningOf(l.view, k), from))
	}
	return sources
}

// runningOf gives the calls of a socket that run, in order.
func runningOf(view kv.View, k *socket.Socket) (seqs []uint64) {
	for _, s := range slot.All(view, "") {
		for _, lease := range s.Leases {
			if rec, ok := call.Get(view, lease.Seq); ok && !lease.Aborting && rec.Socket == k.ID {
				seqs = append(seqs, lease.Seq)
			}
		}
	}
	slices.Sort(seqs)
	return seqs
}

// ones gives single calls in the list's order, those before from left out.
func (l *listing) ones(seqs []uint64, from uint64) iter.Seq[span.Span] {
	return func(yield func(span.Span) bool) {
		for i := range seqs {
			seq := seqs[len(seqs)-1-i]
			if l.ascend {
				seq = seqs[i]
			}
			past := seq > from
			if l.ascend {
				past = seq < from
			}
			if !past && !yield(span.One(seq)) {
				return
			}
		}
	}
}

// runSources gives the call that began a run, and those that followed.
func (l *listing) runSources(from uint64) []iter.Seq[span.Span] {
	if l.states == none {
		return nil
	}
	prefix := roll.Run(l.run)
	sources := []iter.Seq[span.Span]{l.below(prefix, from)}
	if root, ok := l.root(); ok {
		at := span.One(root.Seq)
		at.Block = root.Block
		sources = append(sources, func(yield func(span.Span) bool) {
			if l.ascend && at.Last >= from || !l.ascend && at.First <= from {
				yield(at)
			}
		})
	}
	return sources
}

// root finds the call that began the run, if it is in this partition and not
// among those that followed it.
func (l *listing) root() (call.Place, bool) {
	p, ok := call.Find(l.view, l.run)
	if !ok || messages.CallIDFrom(call.At(l.view, p).Tracking) != l.run {
		return p, false
	}
	_, listed := span.Find(l.view, roll.Run(l.run), p.Seq)
	return p, !listed
}

// below gives the spans below a prefix, in the list's order.
func (l *listing) below(prefix []byte, from uint64) iter.Seq[span.Span] {
	if !l.ascend {
		return span.Descend(l.view, prefix, from)
	}
	return func(yield func(span.Span) bool) {
		for s := range span.Ascend(l.view, prefix, from) {
			s.First = max(s.First, from)
			if !yield(s) {
				return
			}
		}
	}
}

// merge lays ordered sources of spans that do not overlap into one order.
func (l *listing) merge(sources []iter.Seq[span.Span]) iter.Seq[span.Span] {
	if len(sources) == 1 {
		return sources[0]
	}
	return func(yield func(span.Span) bool) {
		var heads []head
		for _, s := range sources {
			next, stop := iter.Pull(s)
			defer stop()
			if first, ok := next(); ok {
				heads = append(heads, head{first, next})
			}
		}
		for len(heads) > 0 {
			i := l.foremost(heads)
			if !yield(heads[i].Span) {
				return
			}
			var ok bool
			if heads[i].Span, ok = heads[i].next(); !ok {
				heads = slices.Delete(heads, i, i+1)
			}
		}
	}
}

type head struct {
	span.Span
	next func() (span.Span, bool)
}

func (l *listing) foremost(heads []head) (at int) {
	for i, h := range heads {
		if l.ascend == (h.Last < heads[at].Last) && i > 0 {
			at = i
		}
	}
	return at
}

// total is how many calls the list has: from the counters, but for a run.
func (l *listing) total() (n uint64) {
	if !l.run.IsZero() {
		return l.totalOfRun()
	}
	if l.socket == "" {
		p := loadPartition(l.view)
		return l.counted(&p.counts)
	}
	for _, k := range l.sockets() {
		n += l.counted(&k.Counts)
	}
	return n
}

func (l *listing) counted(c *tally.Counts) (n uint64) {
	for state := messages.CallState_RECEIVED; state <= messages.CallState_EXPIRED; state++ {
		if of := c.Of(state); of != nil && l.states.has(state) {
			n += *of
		}
	}
	return n
}

func (l *listing) totalOfRun() (n uint64) {
	from := call.Last
	if l.ascend {
		from = 0
	}
	if l.indexed() {
		for s := range l.spans(from) {
			n += s.Len()
		}
		return n
	}
	l.walk(from, 0, func(*call.Record) bool { n++; return true })
	return n
}
