package call

import (
	"bytes"
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Bounds of a row. Its block, with all that is in it, is one value, which is remembered decoded (see memo).
const (
	maxRow      = 64
	maxRowBytes = 3 << 10
)

// Row is calls that came one after the other and are alike but for their ids, contents and arguments. They are
// kept as a block whose calls have ids of their own. Its zero value is ready, and is used for one row after the other.
type Row struct {
	ids   []messages.CallID
	ends  []uint32
	texts []byte    // of each call: id, length and bytes of its content, arguments
	begun []*Record // of the first ones, which have begun
}

// Len is how many calls there are.
func (r *Row) Len() int { return len(r.ids) }

// Has says whether one of them has an id.
func (r *Row) Has(id messages.CallID) bool {
	for i := range r.ids {
		if r.ids[i] == id {
			return true
		}
	}
	return false
}

// Add adds a call whose arguments have some bytes, unless there is no room for it.
func (r *Row) Add(id messages.CallID, content []byte, a *messages.Arguments, size uint64) bool {
	if len(r.ids) == maxRow || uint64(len(r.texts)+len(content))+size > maxRowBytes {
		return false
	}
	text := append(r.texts, id[:]...)
	text = append(binary.AppendUvarint(text, uint64(len(content))), content...)
	if text = messages.AppendArguments(text, a); len(text) > maxRowBytes {
		return false
	}
	r.ids, r.texts, r.ends = append(r.ids, id), text, append(r.ends, uint32(len(text)))
	return true
}

// Clear takes all calls out.
func (r *Row) Clear() {
	clear(r.begun)
	r.ids, r.texts, r.ends, r.begun = r.ids[:0], r.texts[:0], r.ends[:0], r.begun[:0]
}

// Begun is how many calls have begun. They are the first ones.
func (r *Row) Begun() int { return len(r.begun) }

// Begin makes the record of the latest call, whose arguments have some bytes: it
// begins, as all before it have. common is as for PutRow, which writes the record.
func (r *Row) Begin(common *messages.Call, size uint64) *Record {
	rec, _ := r.latest(common, size)
	r.begun = append(r.begun, rec)
	return rec
}

// Only gives the record of the only call, as if it had come by itself, and its
// arguments, encoded.
func (r *Row) Only(common *messages.Call, size uint64) (rec *Record, arguments []byte) {
	rec, arguments = r.latest(common, size)
	if len(r.begun) > 0 {
		rec = r.begun[0]
	}
	return rec, bytes.Clone(arguments)
}

func (r *Row) latest(common *messages.Call, size uint64) (rec *Record, arguments []byte) {
	i := len(r.ids) - 1
	begin := len(r.ids[i])
	if i > 0 {
		begin += int(r.ends[i-1])
	}
	content, arguments := readRow(r.texts[begin:])
	rec = newRecord(r.ids[i])
	(&Block{common: common}).begin(rec, common.Seq+uint64(i), bytes.Clone(content))
	rec.Size = size
	return rec, arguments
}

// PutRow writes a row as a block, and the records of the calls that have begun. common is as for PutBlock, without an id; latest is
// when the latest id of all calls before was made, in milliseconds.
func (m *Recent) PutRow(tx kv.Tx, common *messages.Call, r *Row, latest int64) {
	last := common.Seq + uint64(r.Len()) - 1
	packed := make([]byte, 0, 1+4*len(r.ends)+len(r.texts))
	packed = append(packed, byte(len(r.ends)))
	for _, end := range r.ends {
		packed = binary.BigEndian.AppendUint32(packed, end)
	}
	b := &Block{common: common, last: last, row: append(packed, r.texts...)}
	value := b.encode()
	tx.Set(key(blocks, last), value)
	m.blocks.Add(last, value, b)
	made := momentsOf(len(r.ids), func(i int) messages.CallID { return r.ids[i] })
	made.list(tx, last, latest)
	for i, id := range r.ids {
		if !made.has(id) {
			rememberRow(tx, id, common.Seq+uint64(i), last)
		}
	}
	for _, rec := range r.begun {
		rec.Block = last
		m.Put(tx, rec)
	}
}

func readRow(text []byte) (content, arguments []byte) {
	r := pack.Reader{What: "a call in a row", Rest: text}
	content = r.Bytes(r.Uint())
	return content, r.Rest
}

// inRow gives the id, the content and the arguments of a call of a row, which share its memory.
func (b *Block) inRow(seq uint64) (id messages.CallID, content []byte, arguments *messages.Arguments) {
	id, content, encoded := b.textInRow(seq)
	arguments, err := messages.ReadArguments(encoded)
	if err != nil {
		pack.Fail("decode arguments in row %d: %v", b.last, err)
	}
	return id, content, arguments
}

// textInRow is inRow, and leaves the arguments as they are kept.
func (b *Block) textInRow(seq uint64) (id messages.CallID, content, encoded []byte) {
	text := packed(b.row, int(seq-b.common.Seq))
	content, encoded = readRow(text[copy(id[:], text):])
	return id, content, encoded
}
