package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect"
	"golang.org/x/sync/semaphore"

	"github.com/elasticcode/flow/messages"
)

// room is a node's memory of some MiB.
func room(requests, answers int64) *memory {
	return &memory{requests: semaphore.NewWeighted(requests << 20), answers: semaphore.NewWeighted(answers << 20)}
}

func body(mib int) *http.Request {
	return httptest.NewRequest("POST", "/flow.v1.Tasks/Run", strings.NewReader(strings.Repeat("x", mib<<20)))
}

func TestRequestsAreRefusedWhenTheirBytesAreTooMany(t *testing.T) {
	m := room(4, 4)
	var inside func(r *http.Request)
	serve := func(r *http.Request, then func(*http.Request)) {
		inside = then
		counted(m, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside(r) })).ServeHTTP(httptest.NewRecorder(), r)
	}
	read := func(r *http.Request) error { _, err := io.Copy(io.Discard, r.Body); return err }
	serve(body(4), func(r *http.Request) {
		if err := read(r); err != nil {
			t.Errorf("a request that there is room for: %v", err)
		}
		serve(body(3), func(r *http.Request) {
			err := read(r)
			var wire *connect.Error
			if !errors.As(err, &wire) || wire.Code() != connect.CodeResourceExhausted || len(wire.Details()) != 1 {
				t.Fatalf("one request too many: %v", err)
			}
			if info, _ := wire.Details()[0].Value(); info.(*messages.ErrorInfo).RetryAfter == 0 {
				t.Errorf("refused with %v", info)
			}
		})
		serve(body(1), func(r *http.Request) {
			if err := read(r); err != nil {
				t.Errorf("a small request: %v", err)
			}
		})
		heldBy(r.Context()).accept() // its values are durable
		serve(body(5), func(r *http.Request) {
			if err := read(r); err != nil {
				t.Errorf("a request when there is room again: %v", err)
			}
		})
	})
	if !m.requests.TryAcquire(4 << 20) {
		t.Error("requests that have ended hold memory")
	}
}

func TestRequestsOfAStreamHoldTheirOwnBytes(t *testing.T) {
	m := room(8, 0)
	stream := newHeld(m)
	if err := stream.take(3 << 20); err != nil {
		t.Fatal(err)
	}
	first := stream.hand()
	if err := stream.take(100); err != nil || stream.large() || !first.large() {
		t.Errorf("small after large: %v", err)
	}
	small := stream.hand()
	if small.large() {
		t.Error("a small request is taken for a large one")
	}
	first.end()
	small.end()
	stream.end()
	if !m.requests.TryAcquire(8 << 20) {
		t.Error("requests that have ended hold memory")
	}
}

func TestLargeAnswersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := room(0, 4)
		first, second := newHeld(m), newHeld(m)
		if err := first.answer(t.Context(), 3<<20); err != nil {
			t.Fatal(err)
		}
		if err := second.answer(t.Context(), 3<<20); !errors.Is(err, messages.Exhausted) {
			t.Errorf("no room, and no end to the wait: %v", err)
		}
		done := make(chan error)
		go func() { done <- second.answer(context.Background(), 3<<20) }()
		synctest.Wait()
		first.end()
		if err := <-done; err != nil {
			t.Errorf("there is room: %v", err)
		}
	})
}
