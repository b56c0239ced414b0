package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// settleVanished looks, before anything is changed, for sockets of the
// processor whose function the new code lacks: the update would be refused
// because of them. It refuses with the commands that delete them, or deletes
// them when asked to.
func (s *spawning) settleVanished(ctx context.Context, found *messages.InspectResponse) error {
	there, err := s.net.Get(ctx, messages.Kind_KIND_PROCESSOR, s.processor.Name)
	if errors.Is(err, messages.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.sameCode(there.Object); err != nil {
		return err
	}
	mine, err := s.socketsThere(ctx)
	if err != nil {
		return err
	}
	vanished := slices.DeleteFunc(mine, func(o *messages.Object) bool {
		return slices.ContainsFunc(found.Functions, func(f *messages.Function) bool { return f.Name == o.GetSocket().GetFunction() })
	})
	if len(vanished) == 0 {
		return nil
	}
	if s.prune {
		return s.pruned(ctx, vanished)
	}
	var names, commands []string
	for _, o := range vanished {
		names = append(names, o.Name)
		commands = append(commands, "flowcli delete socket "+o.Name)
	}
	return messages.Errorf(messages.Conflict, "spawn", "processor "+s.processor.Name, "at commit %s its module has no functions for sockets that are there: %s",
		short(found.Commit), strings.Join(names, ", ")).
		WithHint("nothing was changed; spawn with --prune deletes them, or: %s", strings.Join(commands, "; "))
}

// pruned deletes sockets; one that holds calls, or that plugs lead to, is
// refused.
func (s *spawning) pruned(ctx context.Context, sockets []*messages.Object) error {
	for _, o := range sockets {
		if _, err := s.net.Delete(ctx, messages.Kind_KIND_SOCKET, o.Name, false); err != nil {
			return err
		}
		s.c.notef("socket %s: deleted, since its function is no longer in the module", o.Name)
	}
	return nil
}

// socketsThere are the processor's sockets.
func (s *spawning) socketsThere(ctx context.Context) (there []*messages.Object, err error) {
	_, err = everyObject(ctx, s.net, &messages.ListRequest{Kind: messages.Kind_KIND_SOCKET, Filter: "processor=" + s.processor.Name}, maxListed,
		func(o *messages.Object) { there = append(there, o) })
	return there, err
}
