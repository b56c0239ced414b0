package twin

import (
	"context"

	"github.com/elasticcode/flow/messages"
)

// Retire has nothing to remove.
func (Source) Retire(context.Context, []messages.Environment) error { return nil }
