package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newDB answers for a database that does not exist: the nodes keep the state.
func newDB(c *cli) *cobra.Command {
	db := verbOf("db", "Not needed: the nodes keep all state", "The nodes keep all state; there is no database to look after.",
		nothingToDo(c, "init", "Not needed", "the nodes keep the state, and make what they need when they start"),
		nothingToDo(c, "migrate", "Not needed", "the nodes keep the state, and read what earlier versions wrote"),
		destructive("drop", "Refused: it would throw everything away"),
		destructive("rebuild", "Refused: it would throw everything away"),
		&cobra.Command{
			Use: "json", Short: "Print all objects as JSON", Args: noArguments,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.dump(cmd.Context()) },
		})
	db.Hidden = true
	return db
}

// dump writes all objects, class by class.
func (c *cli) dump(ctx context.Context) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	all := document.Object{}
	for _, t := range things() {
		if t.kind == messages.Kind_KIND_UNSPECIFIED {
			continue
		}
		objects := []document.Object{}
		_, err := everyObject(ctx, net, &messages.ListRequest{Kind: t.kind}, maxListed, func(o *messages.Object) {
			objects = append(objects, objectDocument(o))
		})
		if err != nil {
			return err
		}
		all = append(all, document.Member{Name: t.plural, Value: objects})
	}
	return c.write(all)
}
