package worker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestWorksSentTogether: they run in their order, and each is answered.
func TestWorksSentTogether(t *testing.T) {
	s := start(t, "def double(x): return 2 * x\n")
	expect[Ready](s)
	works := make([]Work, 100)
	for i := range works {
		works[i] = work("together", "double", "21")
		works[i].Call = works[i].Call.At(i)
	}
	if err := s.Send(works...); err != nil {
		t.Fatal(err)
	}
	for i := range works {
		if b := expect[Begun](s); b.Call.Index() != i {
			t.Fatalf("call %d begins as number %d", b.Call.Index(), i)
		}
		if d := expect[*Done](s); d.Call.Index() != i || string(d.Result) != "42" {
			t.Fatalf("call %d is done as number %d with %s", d.Call.Index(), i, d.Result)
		}
	}
}

// TestWorksThatAreTooMany: those that fit are run, and the error names the first
// that is not.
func TestWorksThatAreTooMany(t *testing.T) {
	s := start(t, "import time\ndef first(): time.sleep(0.2)\n")
	expect[Ready](s)
	works := make([]Work, MaxSent+1)
	for i := range works {
		works[i] = work("many", "first")
		works[i].Call = works[i].Call.At(i)
	}
	err := s.Send(works...)
	if e, ok := err.(*messages.Error); !ok || !errors.Is(err, messages.Exhausted) || e.Subject != works[MaxSent].Call.String() {
		t.Fatalf("%d works at once: %v", len(works), err)
	}
	expect[Begun](s)
	expect[*Done](s)
}

func TestHasFrame(t *testing.T) {
	frame := append(binary.BigEndian.AppendUint32(nil, 9), frameBegun)
	frame = binary.BigEndian.AppendUint64(frame, 7)
	for n := range len(frame) + 1 {
		r := bufio.NewReader(bytes.NewReader(append(append([]byte(nil), frame...), frame[:n]...)))
		var header [5]byte
		if _, _, err := readFrame(r, &header); err != nil {
			t.Fatal(err)
		}
		if got, want := hasFrame(r), n == len(frame); got != want {
			t.Errorf("%d of %d bytes were read ahead: a whole frame is there: %v", n, len(frame), got)
		}
	}
}
