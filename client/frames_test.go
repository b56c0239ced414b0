package client

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

func TestAMessageIsReadTogetherWithItsPrefix(t *testing.T) {
	sizes := []int{3, 0, 5, 40, 1} // of which 40 is more than is read at once
	r, w := io.Pipe()
	var all []byte
	go func() {
		for i, size := range sizes {
			prefix := binary.BigEndian.AppendUint32([]byte{0}, uint32(size))
			_, _ = w.Write(prefix)
			if size > 0 {
				_, _ = w.Write(bytes.Repeat([]byte{byte('a' + i)}, size))
			}
		}
		w.Close()
	}()
	for i, size := range sizes {
		all = append(append(all, 0, 0, 0, 0, byte(size)), bytes.Repeat([]byte{byte('a' + i)}, size)...)
	}
	f := &frames{ReadCloser: r}
	var got []byte
	var reads []int
	for {
		p := make([]byte, 24)
		n, err := f.Read(p)
		got = append(got, p[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		reads = append(reads, n)
	}
	if !bytes.Equal(got, all) {
		t.Errorf("read %q, want %q", got, all)
	}
	want := []int{8, 5, 10, 24, 21, 6}
	if len(reads) != len(want) {
		t.Fatalf("reads of %v bytes, want %v", reads, want)
	}
	for i := range want {
		if reads[i] != want[i] {
			t.Errorf("reads of %v bytes, want %v", reads, want)
		}
	}
}
