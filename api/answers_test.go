package api

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/elasticcode/flow/messages"
)

// slowStream takes one frame at a time, when it is told to.
type slowStream struct {
	next   chan error
	frames [][]uint64 // tags
}

func (s *slowStream) Send(m *messages.StreamResponse) error {
	if err := <-s.next; err != nil {
		return err
	}
	tags := []uint64{m.Tag}
	for _, more := range m.More {
		tags = append(tags, more.Tag)
	}
	s.frames = append(s.frames, tags)
	return nil
}

func TestAnswersGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &slowStream{next: make(chan error)}
		a := sendAnswers(stream, func(error) {})
		told := 0
		for i := range uint64(10) {
			a.send(answer{response: &messages.StreamResponse{Tag: i}, sent: func() { told++ }})
			synctest.Wait()
		}
		close(stream.next)
		if err := a.end(); err != nil || told != 10 {
			t.Errorf("told %d of 10, %v", told, err)
		}
		if want := [][]uint64{{0}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}; !reflect.DeepEqual(stream.frames, want) {
			t.Errorf("frames %v, want the first, and those that came meanwhile: %v", stream.frames, want)
		}
	})
}

// TestFramesOfAnswersAreBounded: by their number, and by their size.
func TestFramesOfAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &slowStream{next: make(chan error)}
		a := sendAnswers(stream, func(error) {})
		large := &messages.CallInfo{Log: strings.Repeat("x", answerBytes)}
		send := func(tag uint64, call *messages.CallInfo) {
			a.send(answer{response: &messages.StreamResponse{Tag: tag, Call: call}, sent: func() {}})
		}
		send(0, nil)
		synctest.Wait()
		send(1, large)
		send(2, large)
		for i := range uint64(messages.MaxTogether + 10) {
			send(3+i, nil)
		}
		close(stream.next)
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		var sizes []int
		next := uint64(0)
		for _, tags := range stream.frames {
			sizes = append(sizes, len(tags))
			for _, tag := range tags {
				if tag != next {
					t.Fatalf("tag %d comes where %d was due", tag, next)
				}
				next++
			}
		}
		if want := []int{1, 1, 1, messages.MaxTogether, 10}; !slices.Equal(sizes, want) {
			t.Errorf("frames of %v answers, want %v", sizes, want)
		}
	})
}

// TestAnswersAfterAFailure: nobody waits for them, and what they hold is let go.
func TestAnswersAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &slowStream{next: make(chan error)}
		ctx, cancel := context.WithCancelCause(t.Context())
		a := sendAnswers(stream, cancel)
		told := 0
		for i := range uint64(5) {
			a.send(answer{response: &messages.StreamResponse{Tag: i}, sent: func() { told++ }})
		}
		synctest.Wait()
		gone := errors.New("gone")
		stream.next <- gone
		synctest.Wait()
		if err := a.end(); told != 5 || err != gone || context.Cause(ctx) != gone {
			t.Errorf("told %d of 5, failure %v, cause %v", told, err, context.Cause(ctx))
		}
	})
}

func TestCrewRunsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		var ran atomic.Int32
		for range 20 {
			hold := make(chan struct{})
			for range 2 * maxIdle {
				c.do(func() { <-hold; ran.Add(1) })
			}
			close(hold)
			synctest.Wait()
			if n := c.idle.Load(); n != maxIdle {
				t.Fatalf("%d goroutines wait, want %d", n, maxIdle)
			}
		}
		c.end()
		if n := ran.Load(); n != 20*2*maxIdle {
			t.Errorf("%d of %d tasks ran", n, 20*2*maxIdle)
		}
	})
}
