package call

import (
	"bytes"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// chunk is how many calls' arguments of a block share one value: reading one
// call's reads its neighbours', so that a whole block in one value would cost
// the square of its length.
const chunk = 64

// Block is what the calls of a batch have in common. A call of a block gets a
// record of its own when it is first leased, or otherwise changed.
type Block struct {
	common  *messages.Call // with the first call's id and seq
	last    uint64
	expires int64
	row     []byte // packed: of calls that came in a row, what they do not have in common; nil: their ids follow on
}

// PutBlock writes a block and its arguments. common holds the id and the seq of
// the first call; expires is as in Record.
func PutBlock(tx kv.Tx, common *messages.Call, args []*messages.Arguments, expires int64) {
	last := common.Seq + uint64(len(args)) - 1
	tx.Set(key(blocks, last), (&Block{common: common, last: last, expires: expires}).encode())
	RememberBlock(tx, messages.CallIDFrom(common.Id), common.Seq, last)
	for i := 0; i < len(args); i += chunk {
		tx.Set(chunkKey(last, i/chunk), packChunk(args[i:min(i+chunk, len(args))]))
	}
}

func (b *Block) encode() []byte {
	if len(b.common.Events) != 1 {
		pack.Fail("the calls of block %d have %d events in common", b.last, len(b.common.Events))
	}
	common, err := proto.MarshalOptions{Deterministic: true}.Marshal(b.common)
	if err != nil {
		pack.Fail("encode block %d: %v", b.last, err)
	}
	value := binary.AppendUvarint(make([]byte, 0, 16+len(common)+len(b.row)), uint64(b.expires))
	value = append(binary.AppendUvarint(value, uint64(len(common))), common...)
	return append(value, b.row...)
}

// OpenBlock reads what the calls of a block have in common.
func OpenBlock(view kv.View, last uint64) *Block {
	value, ok := view.Get(key(blocks, last))
	if !ok {
		pack.Fail("block %d is gone", last)
	}
	return readBlock(last, bytes.Clone(value))
}

// HasBlock says whether a block is there: it goes with the last of its calls.
func HasBlock(view kv.View, last uint64) bool {
	_, ok := view.Get(key(blocks, last))
	return ok
}

// readBlock reads a block, which shares the value's memory.
func readBlock(last uint64, value []byte) *Block {
	r := pack.Reader{What: "block", Rest: value}
	b := &Block{last: last, expires: int64(r.Uint()), common: new(messages.Call)}
	decode(r.Bytes(r.Uint()), b.common, "block")
	if r.More() {
		b.row = r.Rest
	}
	return b
}

// Span is the places of the block's calls.
func (b *Block) Span() span.Span { return span.Span{First: b.common.Seq, Last: b.last, Block: b.last} }

// Socket is the id of the socket that the block was sent to.
func (b *Block) Socket() string { return b.common.Socket }

// Priority is that of each of its calls.
func (b *Block) Priority() int32 { return b.common.Priority }

// Call makes the record of a call that has none yet, and gives its arguments.
func (b *Block) Call(view kv.View, seq uint64) (*Record, *messages.Arguments) {
	id, content, args := b.own(view, seq)
	r := newRecord(id)
	r.Block, r.Expires = b.last, b.expires
	b.begin(r, seq, content)
	r.Size, r.Large = Size(args), len(args.References()) > 0
	return r, args
}

// begin tells a new record what its call came with and what it is.
func (b *Block) begin(r *Record, seq uint64, content []byte) {
	b.tell(r, seq, content)
	r.State, r.Lastupdated = b.common.State, b.common.Lastupdated
	r.Events = append(r.Events, b.common.Events...)
}

// fill fills in what a call came with, which its record does not say.
func (b *Block) fill(r *Record, seq uint64) {
	id, content := messages.CallIDFrom(b.common.Id), b.common.Content
	if b.row != nil {
		id, content, _ = b.textInRow(seq)
	} else {
		id = id.At(id.Index() + int(seq-b.common.Seq))
	}
	r.Id = id.Bytes()
	b.tell(r, seq, content)
	r.Events = append(slices.Clip(b.common.Events), r.Events...)
}

// tell tells a record with an id what its call came with.
func (b *Block) tell(r *Record, seq uint64, content []byte) {
	c := b.common
	r.Seq, r.Tracking, r.Content = seq, c.Tracking, content
	if len(r.Tracking) == 0 {
		r.Tracking = r.Id
	}
	r.Socket, r.Name, r.Owner, r.Received, r.Priority = c.Socket, c.Name, c.Owner, c.Received, c.Priority
}

// opened reads records of a view one after the other. Neighbours are of one block,
// which it reads once.
type opened struct {
	view  kv.View
	block *Block
}

func (o *opened) record(seq uint64, value []byte) *Record { return o.fill(seq, decodeRecord(value)) }

func (o *opened) fill(seq uint64, r *Record) *Record {
	if r.Block == 0 {
		return r
	}
	if o.block == nil || o.block.last != r.Block {
		o.block = OpenBlock(o.view, r.Block)
	}
	o.block.fill(r, seq)
	return r
}

// own gives what a call does not have in common with the others.
func (b *Block) own(view kv.View, seq uint64) (id messages.CallID, content []byte, args *messages.Arguments) {
	if b.row != nil {
		return b.inRow(seq)
	}
	first := messages.CallIDFrom(b.common.Id)
	return first.At(first.Index() + int(seq-b.common.Seq)), b.common.Content, b.chunked(view, seq)
}

func (b *Block) arguments(view kv.View, seq uint64) *messages.Arguments {
	_, _, args := b.own(view, seq)
	return args
}

func (b *Block) chunked(view kv.View, seq uint64) *messages.Arguments {
	i := int(seq - b.common.Seq)
	value, ok := view.Get(chunkKey(b.last, i/chunk))
	if !ok {
		pack.Fail("the arguments of block %d are gone", b.last)
	}
	return DecodeArguments(packed(value, i%chunk))
}

func chunkKey(last uint64, n int) []byte {
	return binary.BigEndian.AppendUint16(key(chunks, last), uint16(n))
}

// packChunk lays arguments out as n, n ends, and the arguments: any of them is
// found without reading the others.
func packChunk(args []*messages.Arguments) []byte {
	texts := make([][]byte, len(args))
	value := []byte{byte(len(args))}
	end := 0
	for i, a := range args {
		texts[i] = EncodeArguments(a)
		end += len(texts[i])
		value = binary.BigEndian.AppendUint32(value, uint32(end))
	}
	for _, t := range texts {
		value = append(value, t...)
	}
	return value
}

// packed gives one of the texts that were laid out so.
func packed(value []byte, i int) []byte {
	n := int(value[0])
	if i >= n || len(value) < 1+4*n {
		pack.Fail("a chunk of %d texts has no number %d", n, i)
	}
	end := func(i int) uint32 {
		if i < 0 {
			return 0
		}
		return binary.BigEndian.Uint32(value[1+4*i:])
	}
	return value[1+4*n:][end(i-1):end(i)]
}
