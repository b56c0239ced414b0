package peer

import (
	"errors"

	"github.com/elasticcode/flow/messages"
)

// ErrNotSent marks errors of requests that never left this node: whatever they
// asked for has not been done, and may safely be asked again.
var ErrNotSent = errors.New("not sent")

// unsent is a typed error that is also ErrNotSent.
type unsent struct{ why *messages.Error }

func (u unsent) Error() string        { return u.why.Error() }
func (u unsent) Is(target error) bool { return target == ErrNotSent }
func (u unsent) Unwrap() error        { return u.why }

func notSent(err error) error {
	var e *messages.Error
	if !errors.As(err, &e) {
		e = messages.Errorf(messages.Unavailable, "send", "", "%v", err)
	}
	return unsent{e}
}
