package messages

import (
	"bytes"
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"
)

// The log's format is pinned: a change of these bytes breaks every log on disk.
const goldenEntry = "01000610a6173182000201030102030800"

func goldenCommands() []Command {
	return []Command{{CommandEnqueue, []byte{1, 2, 3}}, {CommandTick, nil}}
}

func TestEntryBytesArePinned(t *testing.T) {
	e := Entry{Time: 1707155400000000, Commands: goldenCommands()}
	if got := hex.EncodeToString(e.Append(nil)); got != goldenEntry {
		t.Fatalf("entry is %s, want %s", got, goldenEntry)
	}
	back, err := DecodeEntry(e.Append(nil))
	if err != nil || back.Time != e.Time || len(back.Commands) != 2 || !bytes.Equal(back.Commands[0].Body, []byte{1, 2, 3}) {
		t.Fatalf("read back %+v, %v", back, err)
	}
}

func TestEveryCommandHasOneNumber(t *testing.T) {
	for n, make := range commands {
		if got, ok := TypeOf(make()); !ok || got != n {
			t.Errorf("%T: number %d, want %d", make(), got, n)
		}
		c, err := NewCommand(make())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := c.Decode(); err != nil || !proto.Equal(m, make()) {
			t.Errorf("%T decoded as %T, %v", make(), m, err)
		}
	}
	if _, err := (Command{Type: 999}).Decode(); err == nil {
		t.Error("an unknown command was decoded")
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(Entry{Time: 7, Commands: goldenCommands()}.Append(nil))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEntry(b)
		if err != nil {
			return
		}
		again, err := DecodeEntry(e.Append(nil))
		if err != nil || again.Time != e.Time || len(again.Commands) != len(e.Commands) {
			t.Fatalf("%x: %+v became %+v, %v", b, e, again, err)
		}
	})
}
