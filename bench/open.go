package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// stream is what an open loop sends on.
type stream interface {
	Send(*messages.RunRequest) (tag uint64, err error)
	Receive() (client.Answer, error)
	CloseSend()
}

// openLoop sends calls at a rate, whether or not earlier ones have come back. A
// call's time counts from the moment it was due: what a stall keeps from being
// sent is seen as waiting, and not left out, as a closed loop does. The stream's
// tags count from 1.
func openLoop(s stream, socket string, rate int, d time.Duration) (Figure, error) {
	l := newLoop(d)
	due := func(tag uint64) time.Time {
		return l.begun.Add(time.Duration(tag-1) * time.Second / time.Duration(rate))
	}
	sent := make(chan error, 1)
	go func() { sent <- sendAt(s, socket, due, l.end) }()
	for {
		a, err := s.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Figure{}, errors.Join(err, <-sent)
		}
		l.answered(due(a.Tag), verdict(socket, a))
	}
	if err := <-sent; err != nil {
		return Figure{}, err
	}
	return l.figure(0, 1), nil
}

// sendAt sends each call when it is due, or as soon as the stream takes it, and
// says that no more come.
func sendAt(s stream, socket string, due func(tag uint64) time.Time, end time.Time) error {
	defer s.CloseSend()
	for tag := uint64(1); due(tag).Before(end); tag++ {
		time.Sleep(time.Until(due(tag)))
		data := payload
		if _, err := s.Send(&messages.RunRequest{Socket: socket, Data: &data}); err != nil {
			return fmt.Errorf("send call %d: %w", tag, err)
		}
	}
	return nil
}

func openName(socket string, rate int) string {
	return fmt.Sprintf("%s, open loop at %d/s", socket, rate)
}

// openLoops measures a socket at each of the rates that were asked for.
func openLoops(ctx context.Context, o options, w *network, socket, name string, r *Report) error {
	for _, rate := range o.rates {
		what := openName(name, rate)
		if !o.wants(what) {
			continue
		}
		before := w.cpuTime()
		s := w.clients[0].Stream(ctx)
		f, err := openLoop(s, socket, rate, o.each)
		s.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		f.What = what
		f.CPU = float64((w.cpuTime() - before).Microseconds()) / float64(max(f.Done, 1))
		r.add(len(w.clients), f)
	}
	return nil
}
