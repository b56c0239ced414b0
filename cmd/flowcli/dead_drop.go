package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// droppingDead is one run of "dead drop".
type droppingDead struct {
	c       *cli
	net     *client.Client
	named   int // letters that were named; 0: a filter chooses them
	dropped int
	missing int   // of those that were named
	first   error // why the first of them could not be dropped
}

func (d *droppingDead) drop(ctx context.Context, ids []string) error {
	dropped, err := d.net.DropDead(ctx, ids)
	d.dropped += len(dropped)
	if err != nil || d.named == 0 {
		return err // what a filter found may have gone meanwhile
	}
	for _, id := range ids {
		if slices.Contains(dropped, id) {
			continue
		}
		why := messages.Errorf(messages.NotFound, "drop", "dead letter "+id, "there is none: it was sent again or dropped, or has never died").
			WithHint("`flowcli ls dead` shows what there is")
		d.missing++
		d.first = cmp.Or(d.first, error(why))
		if d.named > 1 {
			d.c.notef("%v", why)
		}
	}
	return nil
}

func (d *droppingDead) told() error {
	if d.named == 0 && d.dropped == 0 {
		d.c.notef(noLetters)
	} else {
		d.c.notef("%d dropped", d.dropped)
	}
	if d.c.structured() {
		if err := d.c.write(document.Object{{Name: "dropped", Value: d.dropped}}); err != nil {
			return err
		}
	}
	if d.missing == 0 || d.named == 1 {
		return d.first
	}
	return failedLetters("drop", d.missing, d.named, d.first)
}
