package worker

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func BenchmarkRoundTrip(b *testing.B) { benchmark(b, 1) }

func BenchmarkInFlight64(b *testing.B) { benchmark(b, 64) }

func benchmark(b *testing.B, inFlight int) {
	s := start(b, "def echo(value): return value\n")
	expect[Ready](s)
	w := Work{Call: messages.NewCallID("bench", 1, 0), Attempt: 1, Function: "echo", Socket: "echo",
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte(`"some data"`)}}}
	sent := 0
	send := func() {
		if sent < b.N {
			w.Call = w.Call.At(sent & 0xffff)
			if err := s.Send(w); err != nil {
				b.Fatal(err)
			}
			sent++
		}
	}
	b.ResetTimer()
	for range inFlight {
		send()
	}
	for done := 0; done < b.N; {
		if d, ok := (<-s.events).(*Done); ok {
			if d.Outcome != messages.Outcome_OK {
				b.Fatal(d)
			}
			done++
			send()
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
