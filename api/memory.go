package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

const (
	// MaxRequests bounds the bytes of requests that the node reads, or has read and
	// not brought to a partition; MaxAnswers those of large results that it hands out.
	MaxRequests = 4 * messages.MaxValue
	MaxAnswers  = 4 * messages.MaxValue

	uncounted   = 1 << 20 // bytes of each request that are not counted: most have fewer
	countedStep = 1 << 20
	memoryRetry = time.Second
)

// memory is what the node has for large requests and answers at one time.
type memory struct {
	requests, answers *semaphore.Weighted
	refused           atomic.Int64
}

func newMemory() *memory {
	return &memory{requests: semaphore.NewWeighted(MaxRequests), answers: semaphore.NewWeighted(MaxAnswers)}
}

// held is what one request holds of it.
type held struct {
	memory *memory

	mu       sync.Mutex
	read     int64 // bytes of the request
	requests int64 // of those, what is held
	answers  int64
	accepted chan struct{} // closed when the request's bytes are held no longer; nil: none are
	let      sync.Once
}

func newHeld(m *memory) *held { return &held{memory: m} }

// take counts bytes that were read.
func (h *held) take(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read += int64(n)
	for h.read-uncounted > h.requests {
		if !h.memory.requests.TryAcquire(countedStep) {
			return h.memory.short("read request", "requests with %d bytes are under way already, which is the most", MaxRequests)
		}
		h.requests += countedStep
	}
	return nil
}

func (m *memory) short(op, format string, args ...any) *messages.Error {
	m.refused.Add(1)
	e := messages.Errorf(messages.Exhausted, op, "", format, args...).WithHint("send it again later, or to another node")
	e.RetryAfter = memoryRetry
	return e
}

// hand gives what was read until now to a request of its own: one of a stream.
func (h *held) hand() *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := newHeld(h.memory)
	own.requests, h.requests, h.read = h.requests, 0, 0
	if own.requests > 0 {
		own.accepted = make(chan struct{})
	}
	return own
}

// large says whether the request's bytes count.
func (h *held) large() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests > 0
}

// accept lets go of the request's bytes: its values are in a partition's log.
func (h *held) accept() {
	h.let.Do(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.memory.requests.Release(h.requests)
		h.requests = 0
		if h.accepted != nil {
			close(h.accepted)
		}
	})
}

// answer waits for room for an answer.
func (h *held) answer(ctx context.Context, n int64) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if n > MaxAnswers || h.memory.answers.Acquire(bounded, n) != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		return h.memory.short("answer", "answers with %d bytes are under way already, and this one would have %d more", MaxAnswers, n)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers += n
	return nil
}

// end lets go of everything, when the answer is sent.
func (h *held) end() {
	h.accept()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.memory.answers.Release(h.answers)
	h.answers = 0
}

type heldKey struct{}

func withHeld(ctx context.Context, h *held) context.Context {
	return context.WithValue(ctx, heldKey{}, h)
}

func heldBy(ctx context.Context) *held { return ctx.Value(heldKey{}).(*held) }

// counted counts what requests hold.
func counted(m *memory, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := newHeld(m)
		defer h.end()
		r = r.WithContext(withHeld(r.Context(), h))
		r.Body = &countedBody{r.Body, h, r.URL.Path}
		if r.URL.Path == messagesconnect.TasksStreamProcedure {
			r.Body = &readAhead{r.Body, bufio.NewReader(r.Body)}
		}
		next.ServeHTTP(w, r)
	})
}

// readAhead reads what there is of a stream at once: the length of a message
// would be read by itself, and each read is a way to the connection and back.
type readAhead struct {
	io.Closer
	*bufio.Reader
}

type countedBody struct {
	io.ReadCloser
	held      *held
	procedure string
}

// Read fails with an error in its wire form: whoever reads passes it on as it is.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if short := b.held.take(n); short != nil {
		return n, connectError(b.procedure, messages.InfoOf(short))
	}
	return n, err
}
