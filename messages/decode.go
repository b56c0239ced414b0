package messages

import (
	"bytes"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// The commands that each call costs are decoded by hand, for a third of the time.
// Whatever is not as this version writes it is left to protobuf, so that nothing
// is read otherwise than protobuf reads it: a fuzz test holds them to each other.

// decodeOften decodes one of these commands, and shares words with the one before it; ok: it could.
func decodeOften(c Command, before proto.Message) (m proto.Message, ok bool) {
	r := reader{body: c.Body, end: len(c.Body)}
	r.copy()
	switch c.Type {
	case CommandEnqueue:
		like, _ := before.(*Enqueue)
		m = r.enqueue(like)
	case CommandEnqueueBatch:
		m = r.enqueueBatch()
	case CommandComplete:
		complete := new(Complete)
		like, _ := before.(*Complete)
		r.complete(complete, like)
		m = complete
	case CommandCompleteBatch:
		like, _ := before.(*CompleteBatch)
		m = r.completeBatch(like)
	default:
		return nil, false
	}
	return m, !r.bad
}

// DecodeArguments reads arguments, and copies what it gives.
func DecodeArguments(b []byte) (*Arguments, error) {
	r := reader{body: b, end: len(b)}
	r.copy()
	return r.onlyArguments()
}

// ReadArguments reads arguments whose values stay where they are, in b.
func ReadArguments(b []byte) (*Arguments, error) {
	r := reader{body: b, end: len(b), copied: b}
	return r.onlyArguments()
}

func (r *reader) onlyArguments() (*Arguments, error) {
	b := r.body
	if a := r.arguments(); !r.bad {
		return a, nil
	}
	a := new(Arguments)
	return a, proto.Unmarshal(b, a)
}

func (r *reader) enqueue(like *Enqueue) *Enqueue {
	m := new(Enqueue)
	for r.more() {
		switch r.varint() {
		case 1<<3 | text:
			m.Id = r.bytes()
		case 2<<3 | text:
			m.Socket = r.word(like.GetSocket())
		case 3<<3 | text:
			r.bad = r.bad || m.Arguments != nil // protobuf would merge them
			outer := r.enter()
			m.Arguments = r.arguments()
			r.leave(outer)
		case 4<<3 | text:
			m.Content = r.bytes()
		case 5<<3 | text:
			m.Owner = r.word(like.GetOwner())
		case 6<<3 | number:
			m.Priority = int32(r.varint())
		case 7<<3 | text:
			m.Tracking = r.bytes()
		case 8<<3 | text:
			m.Parent = r.bytes()
		case 9<<3 | text:
			m.Taskparent = r.bytes()
		case 10<<3 | text:
			m.Flowparent = r.bytes()
		case 11<<3 | number:
			m.ToGate = r.varint() != 0
		default:
			r.bad = true
		}
	}
	return m
}

func (r *reader) enqueueBatch() *EnqueueBatch {
	m := new(EnqueueBatch)
	for r.more() {
		switch r.varint() {
		case 1<<3 | text:
			m.First = r.bytes()
		case 2<<3 | text:
			m.Socket = r.string()
		case 3<<3 | text:
			outer := r.enter()
			m.Arguments = append(m.Arguments, r.arguments())
			r.leave(outer)
		case 4<<3 | text:
			m.Content = r.bytes()
		case 5<<3 | text:
			m.Owner = r.string()
		case 6<<3 | number:
			m.Priority = int32(r.varint())
		case 7<<3 | text:
			m.Tracking = r.bytes()
		default:
			r.bad = true
		}
	}
	return m
}

func (r *reader) arguments() *Arguments {
	a := new(struct {
		Arguments
		only [1][]byte // most have one
	})
	m := &a.Arguments
	m.Positional = a.only[:0]
	for r.more() {
		switch r.varint() {
		case 1<<3 | text:
			m.Positional = append(m.Positional, orEmpty(r.bytes()))
		case 2<<3 | text:
			m.Named = append(m.Named, r.named())
		default:
			r.bad = true
		}
	}
	if len(m.Positional) == 0 {
		m.Positional = nil
	}
	return m
}

// orEmpty is what protobuf gives for an empty element of a list.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (r *reader) named() *NamedValue {
	m, outer := new(NamedValue), r.enter()
	for r.more() {
		switch r.varint() {
		case 1<<3 | text:
			m.Name = r.string()
		case 2<<3 | text:
			m.Value = r.bytes()
		default:
			r.bad = true
		}
	}
	r.leave(outer)
	return m
}

func (r *reader) completeBatch(before *CompleteBatch) *CompleteBatch {
	n := r.count()
	var like *Complete
	if len(before.GetCompletes()) > 0 {
		like = before.Completes[0]
	}
	all := make([]Complete, n)
	m := &CompleteBatch{Completes: make([]*Complete, n)}
	for i := range all {
		r.varint()
		outer := r.enter()
		r.complete(&all[i], like)
		r.leave(outer)
		like, m.Completes[i] = &all[i], &all[i]
	}
	return m
}

// count says how many messages are to be read, if these are all there is.
func (r *reader) count() (n int) {
	ahead := *r
	for ; ahead.more(); n++ {
		if ahead.varint() != 1<<3|text {
			r.bad = true
			return 0
		}
		ahead.span()
	}
	r.bad = ahead.bad
	return n
}

func (r *reader) complete(m, like *Complete) {
	for r.more() {
		switch r.varint() {
		case 1<<3 | text:
			m.Session = r.word(like.GetSession())
		case 2<<3 | text:
			m.Slot = r.word(like.GetSlot())
		case 3<<3 | text:
			m.Call = r.bytes()
		case 4<<3 | number:
			m.Attempt = uint32(r.varint())
		case 5<<3 | number:
			m.Outcome = Outcome(r.varint())
		case 6<<3 | text:
			m.Result = r.bytes()
		case 7<<3 | text:
			r.bad = r.bad || m.Failure != nil
			m.Failure = new(Failure)
			from, to := r.span()
			r.bad = r.bad || proto.Unmarshal(r.body[from:to], m.Failure) != nil
		case 8<<3 | text:
			m.Log = r.bytes()
		case 9<<3 | number:
			m.Jitter = uint32(r.varint())
		case 10<<3 | number:
			m.Started = int64(r.varint())
		case 11<<3 | number:
			m.Ended = int64(r.varint())
		case 13<<3 | text:
			m.Output = r.bytes()
		case 56<<3 | text:
			m.Routed = append(m.Routed, r.named())
		default:
			r.bad = true
		}
	}
}

// The two ways in which the fields of these messages are written.
const (
	number = uint64(protowire.VarintType)
	text   = uint64(protowire.BytesType)
)

// small is up to how many bytes a message is copied whole: its fields share the
// copy, and whoever keeps one of them keeps no more than that.
const small = 1 << 10

// reader reads the fields of a message, and of those in it.
type reader struct {
	body    []byte
	at, end int
	bad     bool // it is not as this version writes it

	copied []byte // of body, from offset on; nil: each field is copied
	words  string // the same, for strings; made when there is one
	offset int
}

// copy copies what is to be read, if it is small.
func (r *reader) copy() {
	if r.end-r.at <= small {
		r.copied, r.words, r.offset = bytes.Clone(r.body[r.at:r.end]), "", r.at
	}
}

// outer is what is read on when a message inside has been read.
type outer struct {
	end  int
	copy bool
}

// enter begins with a message inside.
func (r *reader) enter() outer {
	from, to := r.span()
	o := outer{r.end, r.copied != nil}
	if r.at, r.end = from, to; !o.copy {
		r.copy()
	}
	return o
}

func (r *reader) leave(o outer) {
	if r.end = o.end; !o.copy {
		r.copied = nil
	}
}

func (r *reader) more() bool { return !r.bad && r.at < r.end }

func (r *reader) varint() uint64 {
	if r.at < r.end && r.body[r.at] < 0x80 {
		r.at++
		return uint64(r.body[r.at-1])
	}
	v, n := protowire.ConsumeVarint(r.body[r.at:r.end])
	if n < 0 {
		r.bad = true
		return 0
	}
	r.at += n
	return v
}

func (r *reader) span() (from, to int) {
	n := r.varint()
	if r.bad || n > uint64(r.end-r.at) {
		r.bad = true
		return r.at, r.at
	}
	from = r.at
	r.at += int(n)
	return from, r.at
}

func (r *reader) bytes() []byte {
	from, to := r.span()
	switch {
	case from == to:
		return nil
	case r.copied == nil:
		return bytes.Clone(r.body[from:to])
	}
	return r.copied[from-r.offset : to-r.offset : to-r.offset]
}

func (r *reader) string() string { return r.word("") }

// word is a string that may be the same again.
func (r *reader) word(before string) string {
	from, to := r.span()
	if string(r.body[from:to]) == before {
		return before
	}
	r.bad = r.bad || !utf8.Valid(r.body[from:to])
	if r.copied == nil {
		return string(r.body[from:to])
	}
	if r.words == "" {
		r.words = string(r.copied)
	}
	return r.words[from-r.offset : to-r.offset]
}
