package api

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestContentIsTheHashOfAllInOneGo: however long it is, and wherever it becomes long.
func TestContentIsTheHashOfAllInOneGo(t *testing.T) {
	for _, long := range []int{0, 1, 127, 128, shortContent - 9, shortContent, 10 * shortContent} {
		text := strings.Repeat("x", long)
		var all []byte
		add := func(s string) {
			if len(s) >= 128 {
				all = append(all, byte(len(s))|0x80, byte(len(s)>>7))
			} else {
				all = append(all, byte(len(s)))
			}
			all = append(all, s...)
		}
		add("socket")
		all = append(all, 1)
		add(text)
		all = append(all, 1)
		add("name")
		add(`"value"`)
		want := sha256.Sum256(all)
		args := &messages.Arguments{Positional: [][]byte{[]byte(text)}, Named: []*messages.NamedValue{{Name: "name", Value: []byte(`"value"`)}}}
		if got := contentOf("socket", args); !bytes.Equal(got, want[:contentBytes]) {
			t.Errorf("with %d bytes: %x, want %x", long, got, want[:contentBytes])
		}
	}
}

func TestContentOfAShortCallMakesLittleGarbage(t *testing.T) {
	args := &messages.Arguments{Positional: [][]byte{[]byte(`"some data that is about this long"`)}}
	if n := testing.AllocsPerRun(100, func() { contentOf("0193a1b2-c3d4-7abc-9def-0123456789ab", args) }); n > 2 {
		t.Errorf("%v allocations, for what is given back and the socket", n)
	}
}
