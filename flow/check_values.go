package flow

import (
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/flow/value"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// values: each is named as often as a recount says; it is whole while it is
// named, and otherwise has a timer.
func (c *check) values() {
	names := map[value.Hash]uint64{}
	count := func(refs []messages.Reference) {
		for _, r := range refs {
			names[r.Hash]++
		}
	}
	for _, rec := range c.list {
		refs := call.Arguments(c.view, rec).References()
		call.Fill(c.view, rec)
		refs = append(refs, messages.References(rec.Result, rec.Output)...)
		c.that(rec.Large == (len(refs) > 0), "call %s names %d values, its record says %v", rec.ID(), len(refs), rec.Large)
		count(refs)
	}
	for _, a := range gate.All(c.view) {
		count(gate.References(a))
	}
	count(c.onTheWay())

	var unnamed, chunks uint64
	for _, v := range value.All(c.view) {
		c.that(v.Names == names[v.Hash], "value %x counts %d names, a recount gives %d", v.Hash, v.Names, names[v.Hash])
		c.that(v.Names == 0 || v.Whole(), "value %x is named, and has %d chunks", v.Hash, v.Have)
		c.that((v.Names == 0) == (v.Expires != 0), "value %x has %d names and expires at %d", v.Hash, v.Names, v.Expires)
		c.that(v.Names > 0 || timer.IsSet(c.view, dropTimer(v)), "value %x is not named, and no timer is set", v.Hash)
		delete(names, v.Hash)
		chunks += uint64(v.Have)
		if v.Names == 0 {
			unnamed += bytesHere(c.view, v)
		}
	}
	c.that(len(names) == 0, "%d values are named and not here", len(names))
	c.that(chunks == value.Chunks(c.view), "values count %d chunks, and %d are here", chunks, value.Chunks(c.view))
	c.that(unnamed == c.partition.unnamed, "the partition counts %d bytes that nothing names, a recount gives %d", c.partition.unnamed, unnamed)
}

// onTheWay: what messages in the outbox name is noted beside them.
func (c *check) onTheWay() (noted []messages.Reference) {
	noted = value.OnTheWay(c.view)
	var named []messages.Reference
	for m := range outbox.Pending(c.view) {
		command, err := m.Command.Decode()
		if err != nil {
			c.wrong("message %d to %d: %v", m.Seq, m.To, err)
			continue
		}
		named = append(named, referencesIn(command)...)
	}
	c.that(slices.Equal(noted, named), "messages on their way name %v, noted are %v", named, noted)
	return noted
}
