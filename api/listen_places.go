package api

import (
	"context"
	"iter"
	"slices"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// place is where a socket stands, as listeners are told.
type place struct{ socket, room, module, task, processor string }

// sight is what a listener knows of the sockets that it means. It reads them again
// when the model has changed, not with each question: a busy partition answers
// some thousand questions a second, to each of many listeners.
type sight struct {
	places  map[string]place
	changed <-chan struct{} // closed when there may be others
}

// look makes a sight current.
func (l *listener) look(ctx context.Context, s *sight) error {
	if s.changed != nil && !isClosed(s.changed) {
		return nil
	}
	changed := l.tasks.reads.replica.Changed() // before the view, so that no change falls between
	places, err := l.places(ctx)
	if err == nil {
		*s = sight{places: places, changed: changed}
	}
	return err
}

func (l *listener) everything() bool { return l.request.Name == "" || l.request.Name == "*" }

// known tells whether something has the name that is listened to: a socket, a
// processor or a queue, which may have no sockets yet, or QUEUE.PROCESSOR.
func (l *listener) known(ctx context.Context) (known bool, err error) {
	if l.everything() {
		return true, nil
	}
	places, err := l.places(ctx)
	if err != nil || len(places) > 0 {
		return err == nil, err
	}
	err = l.tasks.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
		for _, kind := range []messages.Kind{messages.Kind_KIND_SOCKET, messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_QUEUE} {
			_, is := model.Get(view, kind, l.request.Name)
			known = known || is
		}
		return nil
	})
	return known, err
}

// places gives the sockets that the listener means, by id.
func (l *listener) places(ctx context.Context) (map[string]place, error) {
	found := map[string]place{}
	err := l.tasks.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
		for o := range all(view, messages.Kind_KIND_SOCKET) {
			s := o.GetSocket()
			queue, _ := model.Get(view, messages.Kind_KIND_QUEUE, s.Queue)
			processor, _ := model.Get(view, messages.Kind_KIND_PROCESSOR, s.Processor)
			p := place{socket: o.Name, room: queue.GetName() + "." + processor.GetName(), module: processor.GetProcessor().GetModule(),
				task: s.Function, processor: processor.GetName()}
			names := []string{o.Name, o.Id, processor.GetName(), processor.GetId(), queue.GetName(), queue.GetId(), p.room}
			if l.everything() || slices.Contains(names, l.request.Name) {
				found[o.Id] = p
			}
		}
		return nil
	})
	return found, err
}

// all gives the objects of a kind, page after page.
func all(view kv.View, kind messages.Kind) iter.Seq[*messages.Object] {
	return func(yield func(*messages.Object) bool) {
		last := ""
		for {
			page, _ := model.List(view, kind, model.Filter{}, last, messages.MaxPageRows)
			for _, o := range page {
				if last = o.Id; !yield(o) {
					return
				}
			}
			if len(page) < messages.MaxPageRows {
				return
			}
		}
	}
}
