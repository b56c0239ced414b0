package peer

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAPeerThatReadsSlowlyIsNotGone, however much waits for it: it has a time limit for
// what is written at once, not for all.
func TestAPeerThatReadsSlowlyIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const answers = 4 * maxQueued / MaxBody
		here, there := net.Pipe()
		q, done := newQueue(), make(chan struct{})
		for i := range answers {
			if err := q.tell(told{id: uint64(i), message: reply(make([]byte, MaxBody-16))}); err != nil {
				t.Fatal(err)
			}
		}
		var writer sync.WaitGroup
		writer.Go(func() { q.writeTo(here, done) })
		defer writer.Wait()
		defer close(done)
		defer there.Close()
		r := bufio.NewReader(there)
		for i := range answers {
			if f, err := readFrame(r); err != nil || f.id != uint64(i) || f.form != formAnswer {
				t.Fatalf("of %d answers, number %d is %d, %d, %v", answers, i, f.id, f.form, err)
			}
			time.Sleep(writeTimeout / 5)
		}
	})
}
