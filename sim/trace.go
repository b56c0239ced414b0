package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// trace hashes all that happens between the nodes and the world: two runs are
// the same run when their hashes are.
type trace struct {
	sum    hash.Hash
	lines  int
	output io.Writer // nil: nobody reads along
	line   []byte    // of the last addition, for the next
}

func newTrace(output io.Writer) *trace { return &trace{sum: sha256.New(), output: output} }

// add adds what happened to a machine, or to the world, at a time, with the bytes
// that went along.
func (t *trace) add(at int64, payload []byte, who, format string, args ...any) {
	line := fmt.Appendf(t.line[:0], "%d.%06d %s", at/1e9, at%1e9/1e3, who)
	line = fmt.Appendf(line, format, args...)
	line = append(line, '\n')
	if t.output != nil {
		t.output.Write(line)
	}
	line = strconv.AppendInt(line, at, 10)
	line = append(line, ' ')
	line = strconv.AppendInt(line, int64(len(payload)), 10)
	t.sum.Write(append(line, '\n'))
	t.sum.Write(payload)
	t.lines++
	t.line = line
}

func (t *trace) String() string { return hex.EncodeToString(t.sum.Sum(nil)[:16]) }
