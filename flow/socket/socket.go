// Package socket keeps what a partition knows of a socket: how it was
// configured, and how its calls stand.
package socket

import (
	"bytes"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/memo"
	"github.com/elasticcode/flow/flow/pace"
	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/tally"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/rate"
	"github.com/elasticcode/flow/plant"
)

// Keys:
//
//	k/ id          configuration: number(4) stage(1) protobuf ConfigureSocket
//	i/ number(4)   id
//	h/ number(4)   how its calls stand: rewritten with each of them
const (
	configs = "k/"
	numbers = "i/"
	states  = "h/"
)

// Stage is where a socket is in its life.
type Stage byte

const (
	Open     Stage = 0
	Draining Stage = 1 // takes no calls, goes when those it holds have ended
	Forced   Stage = 2 // takes no calls, those it holds are being cancelled
	Removed  Stage = 3 // its ended calls can still be read
	Queue    Stage = 4 // it stands for a queue: its calls are publishes, which end as they come
)

// Socket is an addressable endpoint in front of a task.
type Socket struct {
	ID     string
	Number uint32 // stands for the id in keys
	Stage  Stage
	Config *messages.ConfigureSocket

	Counts tally.Counts
	Box    mailbox.Box
	Ended  roll.Ended
	Leased uint64 // leases of its calls, those being aborted included
	Holder Holder

	Gate    gate.Held // what waits at its gate
	Full    bool      // its mailbox is: the sockets whose plugs lead here are held back
	Stuffed []string  // inputs of its gate that are full, in their order: sockets that feed no other of its inputs are held back
	Blocked []string  // targets that have said that they are full

	Limit rate.Limit // how often its calls may be leased
	Pace  pace.Pace  // how far that is used up

	Sweep  int64     // when it looks next for ended calls to drop, microseconds; 0: it has none
	Fronts [4]uint64 // by terminal state: no ended call that is kept stands before it
}

// String is what refusals call it.
func (k *Socket) String() string { return "socket " + k.Config.Name }

// Front is where the ended calls that are kept begin, of those in one state.
func (s *Socket) Front(state messages.CallState) *uint64 {
	return &s.Fronts[state-messages.CallState_FINISHED]
}

// Holder is the call that holds an ordered socket: from its first lease to its
// end no other call of the socket is leased.
type Holder struct {
	Seq      uint64 // 0: none
	Priority int32
	Ready    bool // it is in the mailbox
}

// Leasable says whether a call of the mailbox may be leased now.
func (s *Socket) Leasable() bool {
	return s.Box.Calls > 0 && s.Stage < Forced && s.admits() && s.HeldBack() == nil && !s.rests()
}

// Admits says whether a call that arrives now may be leased at once.
func (s *Socket) Admits() bool {
	return s.Box.Calls == 0 && s.Stage == Open && s.admits() && s.HeldBack() == nil && !s.rests()
}

func (s *Socket) rests() bool {
	_, rests := s.Pace.Rests()
	return rests
}

func (s *Socket) admits() bool {
	if !s.Config.Ordered {
		return true
	}
	return (s.Leased == 0 || plant.On(plant.OrderedTwo)) && (s.Holder.Seq == 0 || s.Holder.Ready)
}

// HeldBack gives a plug that leads to a full target; nil: there is none.
func (s *Socket) HeldBack() *messages.PlugTo {
	if len(s.Blocked) == 0 {
		return nil
	}
	for _, p := range s.Config.Plugs {
		if !p.Cyclic && slices.Contains(s.Blocked, p.Target) {
			return p
		}
	}
	return nil
}

// Crowded says whether the mailbox is full, and which inputs of the gate are: from
// when a bound is reached until half of it is free again.
func (s *Socket) Crowded() (full bool, stuffed []string) {
	if len(s.Config.Incoming) == 0 && s.Config.Queue == "" || s.Stage != Open {
		return false, nil
	}
	full = over(s.Counts.Queued, s.Config.MaxLength, s.Full) || over(s.Counts.Bytes, s.Config.MaxLengthBytes, s.Full)
	if len(s.Gate) == 0 || gate.DeadLetters(s.Config) {
		return full, nil
	}
	limit := int64(gate.Limit(s.Config))
	for _, in := range gate.Inputs(s.Config) {
		if over(s.Gate.Of(in.Key), limit, slices.Contains(s.Stuffed, in.Key)) {
			stuffed = append(stuffed, in.Key)
		}
	}
	return full, stuffed
}

func over(n uint64, limit int64, was bool) bool {
	switch {
	case limit <= 0:
		return false
	case was:
		return n > uint64(limit)/2
	}
	return n >= uint64(limit)
}

// Empty says that it holds no call and no arrival, and nothing runs for it.
func (s *Socket) Empty() bool { return s.Held() == 0 && s.Leased == 0 }

// Held is the number of calls that have not ended, and of arrivals at the gate.
func (s *Socket) Held() uint64 { return s.Counts.Unended() + s.Gate.Total() }

// Configs remembers configurations.
type Configs = memo.Memo[string, *messages.ConfigureSocket]

// Load reads a socket. Its configuration is one of those that are remembered, which
// may be nil, and must not be changed.
func Load(view kv.View, id string, recent *Configs) (*Socket, bool) {
	value, ok := view.Get(append([]byte(configs), id...))
	if !ok {
		return nil, false
	}
	r := pack.Reader{What: "configuration of a socket", Rest: value}
	s := &Socket{ID: id, Number: r.Uint32(), Stage: Stage(r.Bytes(1)[0])}
	if s.Config, ok = recent.Of(id, r.Rest); !ok {
		s.Config = new(messages.ConfigureSocket)
		if err := proto.Unmarshal(r.Rest, s.Config); err != nil {
			pack.Fail("decode the configuration of socket %s: %v", id, err)
		}
		recent.Add(id, bytes.Clone(r.Rest), s.Config)
	}
	if s.Config.Ratelimit != "" {
		s.Limit, _ = rate.Parse(s.Config.Ratelimit) // the model has looked; what is not understood is none
		s.Pace = pace.Load(view, pace.OfSocket(s.Number))
	}
	s.loadState(view)
	return s, true
}

func (s *Socket) loadState(view kv.View) {
	s.Box.Socket, s.Ended.Socket = s.Number, s.Number
	value, ok := view.Get(numbered(states, s.Number))
	if !ok {
		return
	}
	r := pack.Reader{What: "state of a socket", Rest: value}
	s.Counts = tally.Read(&r)
	s.Box = mailbox.Read(&r, s.Number)
	s.Leased = r.Uint()
	if s.Holder.Seq = r.Uint(); s.Holder.Seq != 0 {
		s.Holder.Priority, s.Holder.Ready = int32(r.Int()), r.Flag()
	}
	s.Gate, s.Full = gate.ReadHeld(&r), r.Flag()
	for range r.Uint() {
		s.Stuffed = append(s.Stuffed, r.Text())
	}
	for range r.Uint() {
		s.Blocked = append(s.Blocked, r.Text())
	}
	s.Sweep = int64(r.Uint())
	for i := range s.Fronts {
		s.Fronts[i] = r.Uint()
	}
	for i := range s.Ended.Backs {
		s.Ended.Backs[i] = r.Uint()
	}
}

// SaveState writes how the socket's calls stand.
func (s *Socket) SaveState(tx kv.Tx) {
	b := s.Box.Append(s.Counts.Append(make([]byte, 0, 64)))
	b = binary.AppendUvarint(b, s.Leased)
	b = binary.AppendUvarint(b, s.Holder.Seq)
	if s.Holder.Seq != 0 {
		b = pack.Flag(binary.AppendVarint(b, int64(s.Holder.Priority)), s.Holder.Ready)
	}
	b = pack.Flag(s.Gate.Append(b), s.Full)
	b = binary.AppendUvarint(b, uint64(len(s.Stuffed)))
	for _, input := range s.Stuffed {
		b = pack.Text(b, input)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Blocked)))
	for _, target := range s.Blocked {
		b = pack.Text(b, target)
	}
	b = binary.AppendUvarint(b, uint64(s.Sweep))
	for _, front := range s.Fronts {
		b = binary.AppendUvarint(b, front)
	}
	for _, back := range s.Ended.Backs {
		b = binary.AppendUvarint(b, back)
	}
	tx.Set(numbered(states, s.Number), b)
	if !s.Limit.None() && !plant.On(plant.RateForgotten) {
		s.Pace.Save(tx, pace.OfSocket(s.Number))
	}
}

// SaveConfig writes the socket's configuration and stage.
func (s *Socket) SaveConfig(tx kv.Tx) {
	b := append(binary.BigEndian.AppendUint32(nil, s.Number), byte(s.Stage))
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, s.Config)
	if err != nil {
		pack.Fail("encode the configuration of socket %s: %v", s.ID, err)
	}
	tx.Set(append([]byte(configs), s.ID...), b)
	tx.Set(numbered(numbers, s.Number), []byte(s.ID))
}

func numbered(prefix string, n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(prefix), n)
}

// ID gives the id that a number stands for.
func ID(view kv.View, number uint32) string {
	value, ok := view.Get(numbered(numbers, number))
	if !ok {
		pack.Fail("socket number %d has no id", number)
	}
	return string(value)
}

// All gives every socket, removed ones too, by number.
func All(view kv.View) (all []*Socket) {
	var found []string
	for _, v := range view.Scan([]byte(numbers), kv.PrefixEnd([]byte(numbers))) {
		found = append(found, string(v))
	}
	for _, id := range found {
		s, ok := Load(view, id, nil)
		if !ok {
			pack.Fail("socket %s has a number and no configuration", id)
		}
		all = append(all, s)
	}
	return all
}
