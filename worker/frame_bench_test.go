package worker

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func BenchmarkCallFrame(b *testing.B) {
	w := &Work{Call: messages.NewCallID("a", 1, 0), Tracking: messages.NewCallID("b", 1, 0), Attempt: 1, Function: "do_something", Socket: "pyfi.processors.sample.do_something",
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte(`"some data that is about this long"`)}}}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = appendCall(buffer[:0], 7, w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDoneFrame(b *testing.B) {
	const result = `"TEXT:some data that is about this long"`
	body := make([]byte, doneHeader, doneHeader+len(result))
	body[8] = byte(messages.Outcome_OK)
	binary.BigEndian.PutUint32(body[25:], uint32(len(result)))
	body = append(body, result...)
	frame := binary.BigEndian.AppendUint32(nil, uint32(1+len(body)))
	frame = append(append(frame, frameDone), body...)
	var header [5]byte
	r := bytes.NewReader(nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(frame)
		kind, body, err := readFrame(r, &header)
		if err != nil || kind != frameDone {
			b.Fatal(kind, err)
		}
		if _, d, err := decodeDone(body); err != nil || string(d.Result) != result {
			b.Fatalf("%s, %v", d.Result, err)
		}
	}
}
