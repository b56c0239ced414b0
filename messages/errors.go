package messages

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error says what was attempted, on what, why not, and what to do. It survives
// the wire as ErrorInfo.
type Error struct {
	Kind       ErrorKind
	Op         string        // what was attempted: "run", "add socket"
	Subject    string        // on what
	Reason     string        // why not
	Hint       string        // what to do
	Leader     NodeID        // with NOT_LEADER: who leads, when known
	RetryAfter time.Duration // with EXHAUSTED and UNAVAILABLE
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Subject != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Subject)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Is makes errors.Is(err, KindError(k)) true for errors of kind k.
func (e *Error) Is(target error) bool {
	t, ok := target.(KindError)
	return ok && ErrorKind(t) == e.Kind
}

// KindError stands for all errors of one kind in errors.Is.
type KindError ErrorKind

func (k KindError) Error() string { return strings.ToLower(ErrorKind(k).String()) }

// What callers branch on.
const (
	Invalid     = KindError(ErrorKind_INVALID)
	NotFound    = KindError(ErrorKind_NOT_FOUND)
	Conflict    = KindError(ErrorKind_CONFLICT)
	NotLeader   = KindError(ErrorKind_NOT_LEADER)
	Denied      = KindError(ErrorKind_DENIED)
	Unavailable = KindError(ErrorKind_UNAVAILABLE)
	Exhausted   = KindError(ErrorKind_EXHAUSTED)
	Deadline    = KindError(ErrorKind_DEADLINE)
	Gone        = KindError(ErrorKind_GONE)
)

// Errorf makes an error of a kind; the reason is formatted.
func Errorf(kind KindError, op, subject, format string, args ...any) *Error {
	return &Error{Kind: ErrorKind(kind), Op: op, Subject: subject, Reason: fmt.Sprintf(format, args...)}
}

// Dropped says that a call has ended and that its record is gone: waiting for it,
// or sending it again with its key, gives nothing.
func Dropped(op, subject string, state CallState) *Error {
	return Errorf(Gone, op, subject, "it has ended (%s), and its record was dropped since", strings.ToLower(state.String())).
		WithHint("its key does not run it again; another key does. `flowcli update socket --keep-age` keeps records for longer")
}

// WithHint adds what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Info is the error as it goes over the wire.
func (e *Error) Info() *ErrorInfo {
	return &ErrorInfo{Kind: e.Kind, Op: e.Op, Subject: e.Subject, Reason: e.Reason, Hint: e.Hint,
		Leader: string(e.Leader), RetryAfter: e.RetryAfter.Milliseconds()}
}

// Err is the error that came over the wire, or nil.
func (i *ErrorInfo) Err() error {
	if i == nil {
		return nil
	}
	return &Error{Kind: i.Kind, Op: i.Op, Subject: i.Subject, Reason: i.Reason, Hint: i.Hint,
		Leader: NodeID(i.Leader), RetryAfter: time.Duration(i.RetryAfter) * time.Millisecond}
}

// InfoOf turns any error into one that survives the wire. nil stays nil.
func InfoOf(err error) *ErrorInfo {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Info()
	}
	kind := ErrorKind_INTERNAL
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		kind = ErrorKind_DEADLINE
	case errors.Is(err, context.Canceled):
		kind = ErrorKind_UNAVAILABLE
	}
	return &ErrorInfo{Kind: kind, Reason: err.Error()}
}
