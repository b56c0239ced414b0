package worker

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// MaxFrame is the most bytes that one message between node and worker may
// have: the values, and room for what goes along with them. A length above it
// is garbage.
const MaxFrame = messages.MaxValue + 1<<20

// A frame is a length (4 bytes, big-endian, of what follows), a type (1 byte)
// and a body. Numbers are big-endian; texts are UTF-8. python/runner.py has
// the same layouts.
const (
	frameCall  byte = 1 // to the worker: run a function
	frameHello byte = 2 // to the worker, first: what to import, as JSON

	frameReady byte = 1 // from the worker: the module is imported
	frameBegun byte = 2 // sequence number
	frameDone  byte = 3
)

const (
	doneHeader = 8 + 1 + 8 + 8 + 7*4 // sequence number, outcome, started, ended, lengths of seven texts
	callHeader = 1 + 8 + 4 + 36 + 36 + 4*2
)

// hello is the first frame to a worker.
type hello struct {
	Paths        []string `json:"paths"`
	Module       string   `json:"module"`
	File         string   `json:"file"` // absolute; empty: by the dotted name
	MaxLog       int      `json:"max_log"`
	MaxResult    int      `json:"max_result"`
	MaxTraceback int      `json:"max_traceback"`

	Overrides []override `json:"overrides,omitempty"`
}

// override is a function's text that is put into the module.
type override struct {
	Function string `json:"function"`
	Code     string `json:"code"`
}

func (h hello) append(b []byte) ([]byte, error) {
	body, err := json.Marshal(h)
	if err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint32(b, uint32(1+len(body)))
	b = append(b, frameHello)
	return append(b, body...), nil
}

// appendCall encodes a work under its sequence number.
func appendCall(b []byte, seq uint64, w *Work) ([]byte, error) {
	positional, named := w.Arguments.GetPositional(), w.Arguments.GetNamed()
	size := callHeader + len(w.Function) + len(w.Socket)
	for _, v := range positional {
		size += 4 + len(v)
	}
	for _, n := range named {
		size += 8 + len(n.GetName()) + len(n.GetValue())
	}
	const most = 1<<16 - 1
	if size > MaxFrame || len(positional) > most || len(named) > most || len(w.Function) > most || len(w.Socket) > most {
		return b, messages.Errorf(messages.Exhausted, "send call", w.Call.String(), "its arguments have %d bytes; a worker takes at most %d", size, MaxFrame)
	}
	b = slices.Grow(b, 4+size)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = append(b, frameCall)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = binary.BigEndian.AppendUint32(b, w.Attempt)
	b = append(b, w.Call.String()...)
	b = append(b, w.Tracking.String()...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(w.Function)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(w.Socket)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(positional)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(named)))
	b = append(b, w.Function...)
	b = append(b, w.Socket...)
	for _, v := range positional {
		b = appendText(b, v)
	}
	for _, n := range named {
		b = appendText(b, []byte(n.GetName()))
		b = appendText(b, n.GetValue())
	}
	return b, nil
}

func appendText(b, text []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// readFrame reads one frame. The body is the caller's to keep. io.EOF means
// that the stream ended between frames.
func readFrame(r io.Reader, header *[5]byte) (kind byte, body []byte, err error) {
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(header[:4])
	kind = header[4]
	if size < 1 || size > MaxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	fits := false
	switch kind {
	case frameReady:
		fits = size == 1
	case frameBegun:
		fits = size == 1+8
	case frameDone:
		fits = size >= 1+doneHeader
	}
	if !fits {
		return 0, nil, fmt.Errorf("a frame of type %d and %d bytes", kind, size)
	}
	body = make([]byte, size-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return kind, body, nil
}

// hasFrame says whether a whole frame has been read ahead.
func hasFrame(r *bufio.Reader) bool {
	if r.Buffered() < 5 {
		return false
	}
	head, err := r.Peek(4)
	return err == nil && uint64(r.Buffered()) >= 4+uint64(binary.BigEndian.Uint32(head))
}

// decodeDone reads the body of a frame of type Done. The event shares its memory.
func decodeDone(body []byte) (seq uint64, d *Done, err error) {
	if len(body) < doneHeader {
		return 0, nil, fmt.Errorf("an answer of %d bytes", len(body))
	}
	d = new(Done)
	seq = binary.BigEndian.Uint64(body)
	d.Outcome = messages.Outcome(body[8])
	d.Started = int64(binary.BigEndian.Uint64(body[9:]))
	d.Ended = int64(binary.BigEndian.Uint64(body[17:]))
	var texts [7][]byte
	rest := body[doneHeader:]
	for i := range texts {
		n := binary.BigEndian.Uint32(body[25+4*i:])
		if uint64(n) > uint64(len(rest)) {
			return 0, d, fmt.Errorf("an answer whose parts are longer than it")
		}
		texts[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) != 0 {
		return 0, d, fmt.Errorf("an answer with %d bytes too many", len(rest))
	}
	switch d.Outcome {
	case messages.Outcome_OK:
		if !messages.IsJSON(texts[0]) {
			return 0, d, fmt.Errorf("a result that is not JSON")
		}
		d.Result = texts[0]
	case messages.Outcome_EXCEPTION, messages.Outcome_BAD_RESULT:
		d.Failure = &messages.Failure{Type: validText(texts[2]), Message: validText(texts[3]), Traceback: validText(texts[4])}
	default:
		return 0, d, fmt.Errorf("an answer with outcome %d", body[8])
	}
	if len(texts[1]) > 0 {
		d.Log = texts[1]
	}
	if d.Routed, err = routed(texts[5]); err != nil {
		return 0, d, err
	}
	if len(texts[6]) > 0 {
		if !messages.IsJSON(texts[6]) {
			return 0, d, fmt.Errorf("an output that is not JSON")
		}
		d.Output = texts[6]
	}
	return seq, d, nil
}

// routed reads the JSON object that a function put into its argument plugs; the
// values stay the texts that they are.
func routed(text []byte) (all []*messages.NamedValue, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("routed values that are not a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, &messages.NamedValue{Name: name, Value: values[name]})
	}
	return all, nil
}

// validText makes text that protobuf takes of what came from user code.
func validText(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }
