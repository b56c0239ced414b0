package flow

import (
	"fmt"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/flow/value"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// putChunk keeps a part of a large value. What names the value comes behind it.
func (s *step) putChunk(c *messages.PutChunk) (*messages.Reply, *messages.Error) {
	const op = "keep large value"
	subject := fmt.Sprintf("chunk %d of %x", c.Index, c.Hash)
	r := messages.Reference{Size: c.Size}
	if copy(r.Hash[:], c.Hash) != len(c.Hash) || len(c.Hash) != len(r.Hash) || c.Size == 0 || c.Size > messages.MaxValue || c.Index >= r.Chunks() {
		return nil, messages.Errorf(messages.Invalid, op, subject, "there is no such chunk of a value of %d bytes, and %d are the most", c.Size, messages.MaxValue)
	}
	if from, to := r.Chunk(c.Index); uint64(len(c.Data)) != to-from {
		return nil, messages.Errorf(messages.Invalid, op, subject, "it has %d bytes, and must have %d", len(c.Data), to-from)
	}
	v, known := value.Load(s.tx, r.Hash)
	switch {
	case known && v.Size != c.Size:
		return nil, messages.Errorf(messages.Conflict, op, subject, "the value has %d bytes, and would have %d", v.Size, c.Size)
	case known && v.Names > 0:
		return s.unchanged(chunkPut(v)), nil
	case s.partition.unnamed+uint64(len(c.Data)) > maxUnnamed:
		refusal := messages.Errorf(messages.Exhausted, op, subject, "%d bytes of values that no call names are kept already, and %d are the most", s.partition.unnamed, uint64(maxUnnamed))
		refusal.RetryAfter = valueRetry
		return nil, refusal.WithHint("send it again later")
	case !known:
		v = &value.Value{Hash: r.Hash, Size: c.Size}
	default:
		timer.Drop(s.tx, dropTimer(v))
	}
	if v.Put(s.tx, c.Index, c.Data) {
		s.partition.unnamed += uint64(len(c.Data))
	}
	s.lapse(v)
	return chunkPut(v), nil
}

func chunkPut(v *value.Value) *messages.Reply {
	return &messages.Reply{Result: &messages.Reply_ChunkPut{ChunkPut: &messages.ChunkPut{Whole: v.Whole()}}}
}

// lapse lets a value that nothing names go after a time.
func (s *step) lapse(v *value.Value) {
	v.Expires = s.now + unnamedFor.Microseconds()
	v.Save(s.tx)
	s.at(dropTimer(v))
}

func dropTimer(v *value.Value) timer.Timer {
	return timer.Timer{At: v.Expires, Kind: timer.DropValue, Target: string(v.Hash[:])}
}

// absent refuses values whose chunks are not all here. It must come before the
// first write of the command that names them.
func (s *step) absent(op string, subject func() string, refs []messages.Reference) *messages.Error {
	for _, r := range refs {
		v, ok := value.Load(s.tx, r.Hash)
		if !ok {
			return lacking(op, subject(), r, 0)
		}
		if v.Size != r.Size || !v.Whole() {
			return lacking(op, subject(), r, v.Have)
		}
	}
	return nil
}

func lacking(op, subject string, r messages.Reference, have uint32) *messages.Error {
	return messages.Errorf(messages.Conflict, op, subject, "it names the value %x of %d bytes, and %d of %d chunks are here", r.Hash, r.Size, have, r.Chunks()).
		WithHint("send the chunks first; those that nothing names are dropped after %s", unnamedFor)
}

// name counts one more name for each of the references; their values are here.
func (s *step) name(refs []messages.Reference) {
	for _, r := range refs {
		v := s.value(r)
		if v.Names++; v.Names == 1 && !plant.On(plant.NamedDropped) {
			timer.Drop(s.tx, dropTimer(v))
			v.Expires = 0
			s.partition.unnamed -= v.Size
		}
		v.Save(s.tx)
	}
}

// unname counts one name less. The last one gone, the value stays for a while:
// it may come again.
func (s *step) unname(refs []messages.Reference) {
	for _, r := range refs {
		v := s.value(r)
		if v.Names == 0 {
			fail("value %x loses a name, and has none", r.Hash)
		}
		if v.Names--; v.Names == 0 {
			s.partition.unnamed += v.Size
			s.lapse(v)
		} else {
			v.Save(s.tx)
		}
	}
}

// setApart puts references in the places of a call's arguments that are too large
// together, and keeps their texts: a gate joins values of which each travels
// within its command, and together they are more than a peer takes.
func (s *step) setApart(args *messages.Arguments) {
	for _, place := range messages.Apart(args.Places(), messages.MaxInline) {
		if r := messages.ReferenceTo(*place); s.keep(r, *place) {
			*place = r.Value()
		}
	}
}

// keep keeps a large value whose text is at hand; nothing names it yet. It says
// whether the value is here: not if what came of it before has another size.
func (s *step) keep(r messages.Reference, text []byte) bool {
	v, known := value.Load(s.tx, r.Hash)
	switch {
	case known && (v.Size != r.Size || v.Whole()):
		return v.Size == r.Size
	case !known:
		v = &value.Value{Hash: r.Hash, Size: r.Size}
	default:
		timer.Drop(s.tx, dropTimer(v))
	}
	for i := range r.Chunks() {
		from, to := r.Chunk(i)
		if v.Put(s.tx, i, text[from:to]) {
			s.partition.unnamed += to - from
		}
	}
	s.lapse(v)
	return true
}

// namedBy gives the references that a call holds.
func (s *step) namedBy(rec *call.Record) []messages.Reference {
	if !rec.Large {
		return nil // nearly always, and what is not read costs nothing
	}
	refs := call.Arguments(s.tx, rec).References()
	return append(refs, messages.References(call.Result(s.tx, rec), call.Output(s.tx, rec))...)
}

func (s *step) value(r messages.Reference) *value.Value {
	v, ok := value.Load(s.tx, r.Hash)
	if !ok || !v.Whole() {
		fail("value %x is named, and is not here", r.Hash)
	}
	return v
}

// dropValue takes away a value that nothing has named for long enough. It gives
// how much work that was.
func (s *step) dropValue(t timer.Timer) int {
	v, ok := value.Load(s.tx, value.Hash([]byte(t.Target)))
	if !ok || v.Names > 0 {
		fail("a timer is set for the value %x, which does not wait for it", t.Target)
	}
	s.partition.unnamed -= bytesHere(s.tx, v)
	v.Delete(s.tx)
	return int(v.Have)
}

// bytesHere is how much of a value has come.
func bytesHere(view kv.View, v *value.Value) (n uint64) {
	if v.Whole() {
		return v.Size
	}
	for i := range v.Reference().Chunks() {
		data, _ := value.Chunk(view, v.Hash, i)
		n += uint64(len(data))
	}
	return n
}

// Chunks gives up to count chunks of a large value from one on; none if the value
// is not here, or not all of it.
func Chunks(view kv.View, hash []byte, first, count uint32) (all [][]byte) {
	if len(hash) != len(value.Hash{}) {
		return nil
	}
	for i := first; i < first+count; i++ {
		data, ok := value.Chunk(view, value.Hash(hash), i)
		if !ok {
			break
		}
		all = append(all, append([]byte(nil), data...))
	}
	return all
}

// Sent gives the large values that messages of the outbox name.
func Sent(view kv.View, to messages.GroupID, from, last uint64) []messages.Reference {
	return value.Sent(view, to, from, last)
}
