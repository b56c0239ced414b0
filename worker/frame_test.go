package worker

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// The layout is python/runner.py's too: a change here that is not made there ends every worker.
func TestCallFrameBytesArePinned(t *testing.T) {
	w := &Work{Call: messages.NewCallID("a", 1, 0), Tracking: messages.NewCallID("b", 1, 0), Attempt: 3, Function: "f", Socket: "s",
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte("1")}, Named: []*messages.NamedValue{{Name: "n", Value: []byte("2")}}}}
	b, err := appendCall(nil, 7, w)
	if err != nil {
		t.Fatal(err)
	}
	want := "0000006e" + "01" + "0000000000000007" + "00000003" + hex.EncodeToString([]byte(w.Call.String()+w.Tracking.String())) +
		"0001" + "0001" + "0001" + "0001" + "66" + "73" + "00000001" + "31" + "00000001" + "6e" + "00000001" + "32"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("frame is\n%s, want\n%s", got, want)
	}
}

func TestCallOverTheBoundIsRefused(t *testing.T) {
	w := &Work{Function: "f", Arguments: &messages.Arguments{Positional: [][]byte{make([]byte, MaxFrame)}}}
	if b, err := appendCall(nil, 1, w); !errors.Is(err, messages.Exhausted) || len(b) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func FuzzAnswers(f *testing.F) {
	done := append(make([]byte, 8), byte(messages.Outcome_OK))
	done = append(done, make([]byte, 16)...)
	done = append(done, 0, 0, 0, 4)
	done = append(done, make([]byte, 24)...)
	done = append(done, "null"...)
	f.Add(append([]byte{0, 0, 0, byte(len(done) + 1), frameDone}, done...))
	f.Add([]byte{0, 0, 0, 1, frameReady})
	f.Add([]byte{0, 0, 0, 9, frameBegun, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte(strings.Repeat("x", 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 3 && (b[0] > 0 || b[1] > 0) {
			return // a large frame is only memory
		}
		r := bytes.NewReader(b)
		var header [5]byte
		for {
			kind, body, err := readFrame(r, &header)
			if err != nil {
				if kind != 0 || body != nil {
					t.Fatalf("a frame beside the error %v", err)
				}
				return
			}
			if kind == frameDone {
				if _, d, err := decodeDone(body); err == nil && (d.Outcome == messages.Outcome_OK) == (d.Failure != nil) {
					t.Fatalf("outcome %v with failure %v", d.Outcome, d.Failure)
				}
			}
		}
	})
}

func TestStreamEndsBetweenFramesOnly(t *testing.T) {
	var header [5]byte
	if _, _, err := readFrame(strings.NewReader(""), &header); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, _, err := readFrame(bytes.NewReader([]byte{0, 0, 0, 9, frameBegun, 1}), &header); err != io.ErrUnexpectedEOF {
		t.Errorf("within a frame: %v", err)
	}
}
