package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elasticcode/flow/messages/messagesconnect"
)

// deadlines is a response whose deadline takes a while to set. Like that of
// net/http, it must not be used when the handler has returned.
type deadlines struct {
	http.ResponseWriter
	begun chan struct{}
	over  bool
	late  bool
}

func (d *deadlines) SetReadDeadline(time.Time) error {
	close(d.begun)
	time.Sleep(time.Second)
	d.late = d.over
	return nil
}

func TestResponseIsNotUsedAfterItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &deadlines{ResponseWriter: httptest.NewRecorder(), begun: make(chan struct{})}
		handler := interruptible(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			cancel()
			<-w.begun
		}))
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, messagesconnect.TasksStreamProcedure, nil))
		w.over = true
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if w.late {
			t.Error("its deadline was set when the handler had returned")
		}
	})
}
