package call

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/messages"
)

// decodeToDrop reads of a record what is asked of a call that is to be dropped, and passes over the rest: its
// events and texts cost more to decode than the dropping.
func decodeToDrop(value []byte) *Record {
	r := pack.Reader{What: "record of a call", Rest: bytes.Clone(value)}
	rec := &Record{Call: new(messages.Call), Block: r.Uint(), Expires: int64(r.Uint())}
	for b := r.Rest; len(b) > 0; {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			pack.Fail("a record of a call is cut short")
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			pack.Fail("a record of a call is cut short")
		}
		switch kind {
		case protowire.VarintType:
			number, _ := protowire.ConsumeVarint(b)
			rec.setNumber(field, number)
		case protowire.BytesType:
			text, _ := protowire.ConsumeBytes(b)
			rec.setBytes(field, text)
		}
		b = b[n:]
	}
	return rec
}

func (r *Record) setNumber(field protowire.Number, n uint64) {
	switch field {
	case 4:
		r.State = messages.CallState(n)
	case 8:
		r.Finished = int64(n)
	case 14:
		r.Attempt = uint32(n)
	case 18:
		r.Seq = n
	case 32:
		r.HasResult = n != 0
	case 33:
		r.Size = n
	case 35:
		r.HasOutput = n != 0
	case 56:
		r.Large = n != 0
	case 57:
		r.HasLog = n != 0
	}
}

func (r *Record) setBytes(field protowire.Number, text []byte) {
	switch field {
	case 1:
		r.Id = text
	case 10:
		r.Tracking = text
	case 20:
		r.Content = text
	case 30:
		r.short = text
	case 39:
		r.Arrivals = append(r.Arrivals, text)
	}
}
