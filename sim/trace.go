package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// trace hashes all that happens between the nodes and the world: two runs are
// the same run when their hashes are.
type trace struct {
	sum    hash.Hash
	lines  int
	output io.Writer // nil: nobody reads along
}

func newTrace(output io.Writer) *trace { return &trace{sum: sha256.New(), output: output} }

// add adds what happened at a time, with the bytes that went along.
func (t *trace) add(at int64, payload []byte, format string, args ...any) {
	line := fmt.Sprintf("%d.%06d ", at/1e9, at%1e9/1e3) + fmt.Sprintf(format, args...)
	fmt.Fprintf(t.sum, "%d %s %d\n", at, line, len(payload))
	t.sum.Write(payload)
	t.lines++
	if t.output != nil {
		fmt.Fprintln(t.output, line)
	}
}

func (t *trace) String() string { return hex.EncodeToString(t.sum.Sum(nil)[:16]) }
