package main

import (
	"context"
	"io"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// maxStdin is the most data that a call may bring.
const maxStdin = messages.MaxValue + 1<<20 // the API says what is too much

// stdin gives what was piped in, without the line break at its end. given is
// false when there is nothing: a terminal, or not one byte.
func (c *cli) stdin(ctx context.Context) (text string, given bool, err error) {
	if c.in == nil || isTerminal(c.in) {
		return "", false, nil
	}
	type reading struct {
		data []byte
		err  error
	}
	// Nothing can interrupt a read from a pipe, so an interrupted run leaves
	// the goroutine to the end of the process.
	read := make(chan reading, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(c.in, maxStdin+1))
		read <- reading{data, err}
	}()
	select {
	case <-ctx.Done():
		return "", false, ctx.Err()
	case r := <-read:
		switch {
		case r.err != nil:
			return "", false, messages.Errorf(messages.Invalid, "read stdin", "", "%v", r.err)
		case len(r.data) > maxStdin:
			return "", false, messages.Errorf(messages.Invalid, "read stdin", "", "more than %d MiB came", maxStdin>>20)
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(r.data), "\n"), "\r"), len(r.data) > 0, nil
	}
}
