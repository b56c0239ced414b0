package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

const (
	// changePause is the longest between two operations on the model.
	changePause = 500 * time.Millisecond
	// changePatience is how long one may take: then nobody knows what became of it.
	changePatience = 3 * time.Second
)

// changed are the names of the queues that changers add, set and delete. Nobody
// else uses them.
var changed = []string{"changed0", "changed1"}

// change adds, sets, deletes and reads objects of the model, and tells when each
// operation began and what it answered. The number of an operation is the value
// that it sets.
func (l load) change(ctx context.Context, changer int) {
	c := l.connect()
	defer c.Close()
	for i := 1; time.Now().Before(l.until); i++ {
		number := i*100 + changer
		do := operations[rand.IntN(len(operations))]
		name := changed[rand.IntN(len(changed))]
		twin.Note(fmt.Sprintf("op %d %s %s", number, do.name, name))
		limited, cancel := context.WithTimeout(ctx, changePatience)
		answer, err := do.run(limited, c, name, int64(number))
		cancel()
		twin.Note(fmt.Sprintf("did %d %s", number, outcome(answer, err)))
		time.Sleep(rand.N(changePause))
	}
}

// outcome words what an operation answered: ok and what was read, that there is
// no such name, or that it is taken; all else leaves open what was done.
func outcome(answer string, err error) string {
	switch {
	case err == nil:
		return strings.TrimSpace("ok " + answer)
	case errors.Is(err, messages.NotFound):
		return "absent"
	case errors.Is(err, messages.Conflict):
		return "taken"
	}
	return "unknown " + kind(err)
}

type operation struct {
	name string
	run  func(ctx context.Context, c *client.Client, name string, value int64) (string, error)
}

var operations = []operation{
	{"create", func(ctx context.Context, c *client.Client, name string, value int64) (string, error) {
		_, err := c.Create(ctx, changedTo(name, value))
		return "", err
	}},
	{"update", func(ctx context.Context, c *client.Client, name string, value int64) (string, error) {
		_, err := c.Update(ctx, &messages.UpdateRequest{Kind: messages.Kind_KIND_QUEUE, Name: name, Fields: []string{"queue.message_ttl"}, Object: changedTo(name, value)})
		return "", err
	}},
	{"delete", func(ctx context.Context, c *client.Client, name string, _ int64) (string, error) {
		_, err := c.Delete(ctx, messages.Kind_KIND_QUEUE, name, false)
		return "", err
	}},
	{"get", func(ctx context.Context, c *client.Client, name string, _ int64) (string, error) {
		r, err := c.Get(ctx, messages.Kind_KIND_QUEUE, name)
		return fmt.Sprint(r.GetObject().GetQueue().GetMessageTtl()), err
	}},
	{"list", func(ctx context.Context, c *client.Client, name string, _ int64) (string, error) {
		for o, err := range c.All(ctx, messages.Kind_KIND_QUEUE, "") {
			if err != nil || o.GetName() == name {
				return fmt.Sprint(o.GetQueue().GetMessageTtl()), err
			}
		}
		return "", messages.Errorf(messages.NotFound, "list", name, "it is not among them")
	}},
}

func changedTo(name string, value int64) *messages.Object {
	return &messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: name, Enabled: true, RequestedStatus: "running",
		Spec: &messages.Object_Queue{Queue: &messages.Queue{MessageTtl: value}}}
}
