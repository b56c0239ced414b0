// Package processor keeps what a partition knows of a processor: how it was
// configured, the credits that its slots gave, and whose turn it is to use them.
package processor

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/memo"
	"github.com/elasticcode/flow/flow/pace"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/rate"
)

// Keys:
//
//	P/ id   configuration: protobuf ConfigureProcessor
//	p/ id   credits and turns: rewritten with each call
const (
	configs = "P/"
	states  = "p/"
)

// Running is the status in which a processor's calls are leased.
const Running = "running"

// Processor is code that sockets share, and the slots that run it.
type Processor struct {
	ID      string
	Config  *messages.ConfigureProcessor // nil: not known yet
	Sockets uint64                       // sockets in front of it that are not removed
	Leaving bool                         // goes with its last socket
	Turns   Turns
	Credits Credits

	Limit rate.Limit // how often its calls may be leased
	Pace  pace.Pace  // how far that is used up
}

// Leases says whether its calls may be leased.
func (p *Processor) Leases() bool {
	_, rests := p.Pace.Rests()
	return p.Config.GetStatus() == Running && !rests
}

// Configs remembers configurations.
type Configs = memo.Memo[string, *messages.ConfigureProcessor]

// Load reads a processor; one that is not known yet is empty. Its configuration is
// one of those that are remembered, which may be nil, and must not be changed.
func Load(view kv.View, id string, recent *Configs) *Processor {
	p := &Processor{ID: id}
	if value, ok := view.Get(append([]byte(configs), id...)); ok {
		if p.Config, ok = recent.Of(id, value); !ok {
			p.Config = new(messages.ConfigureProcessor)
			if err := proto.Unmarshal(value, p.Config); err != nil {
				pack.Fail("decode the configuration of processor %s: %v", id, err)
			}
			recent.Add(id, bytes.Clone(value), p.Config)
		}
		if p.Config.Ratelimit != "" {
			p.Limit, _ = rate.Parse(p.Config.Ratelimit) // the model has looked; what is not understood is none
			p.Pace = pace.Load(view, pace.OfProcessor(id))
		}
	}
	if value, ok := view.Get(append([]byte(states), id...)); ok {
		r := pack.Reader{What: "state of a processor", Rest: value}
		p.Sockets, p.Leaving = r.Uint(), r.Flag()
		p.Turns = readTurns(&r)
		p.Credits = readCredits(&r)
	}
	return p
}

// SaveState writes credits and turns.
func (p *Processor) SaveState(tx kv.Tx) {
	b := binary.AppendUvarint(make([]byte, 0, 64+len(p.Credits.load)), p.Sockets)
	b = pack.Flag(b, p.Leaving)
	b = p.Credits.append(p.Turns.append(b))
	tx.Set(append([]byte(states), p.ID...), b)
	if !p.Limit.None() {
		p.Pace.Save(tx, pace.OfProcessor(p.ID))
	}
}

// SaveConfig writes the configuration.
func (p *Processor) SaveConfig(tx kv.Tx) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.Config)
	if err != nil {
		pack.Fail("encode the configuration of processor %s: %v", p.ID, err)
	}
	tx.Set(append([]byte(configs), p.ID...), b)
}

// Delete forgets the processor.
func (p *Processor) Delete(tx kv.Tx) {
	tx.Delete(append([]byte(configs), p.ID...))
	tx.Delete(append([]byte(states), p.ID...))
}

// All gives every processor, by id.
func All(view kv.View) (all []*Processor) {
	var found []string
	for k := range view.Scan([]byte(states), kv.PrefixEnd([]byte(states))) {
		found = append(found, string(k[len(states):]))
	}
	for _, id := range found {
		all = append(all, Load(view, id, nil))
	}
	return all
}
