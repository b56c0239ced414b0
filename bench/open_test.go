package main

import (
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// stalling answers each call at once, but for a time in which it takes none.
type stalling struct {
	mu      sync.Mutex
	stalls  int // the call before which it stalls
	tag     uint64
	answers chan client.Answer
}

func (s *stalling) Send(*messages.RunRequest) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tag++; int(s.tag) == s.stalls {
		time.Sleep(100 * time.Millisecond)
	}
	result := payload
	s.answers <- client.Answer{Tag: s.tag, Call: &messages.CallInfo{State: "finished", Result: &result}}
	return s.tag, nil
}

func (s *stalling) CloseSend() { close(s.answers) }

func (s *stalling) Receive() (client.Answer, error) {
	if a, ok := <-s.answers; ok {
		return a, nil
	}
	return client.Answer{}, io.EOF
}

// TestOpenLoopCountsWhatAStallKeptWaiting sends 1,000 calls a second for one
// second with a stall of a tenth: a hundred calls were due meanwhile, and have
// waited for half of it on average.
func TestOpenLoopCountsWhatAStallKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := openLoop(&stalling{stalls: 500, answers: make(chan client.Answer)}, socketEcho, 1000, time.Second)
		if err != nil || f.Done != 1000 || f.Failed != 0 {
			t.Fatalf("%+v, %v", f, err)
		}
		if f.P50 > 1 || f.P99 < 85 || f.Max < 99 || f.Max > 101 {
			t.Errorf("p50 %v, p99 %v, max %v ms", f.P50, f.P99, f.Max)
		}
	})
}
