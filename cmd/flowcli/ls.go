package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newLs is the verb that lists objects.
func newLs(c *cli) *cobra.Command {
	ls := verbOf("ls", "List objects and their relations",
		`List objects, or show one with what belongs to it. Singular and plural mean
the same, except that "ls calls" lists calls and "ls call" shows one.`)
	for _, t := range things() {
		if t.kind != messages.Kind_KIND_UNSPECIFIED {
			ls.AddCommand(newLsObjects(c, t))
		}
	}
	ls.AddCommand(newLsCalls(c), newLsCall(c), newLsGates(c), newLsSchedules(c), newLsDead(c))
	return ls
}

func newLsObjects(c *cli, t thing) *cobra.Command {
	cmd := &cobra.Command{
		Use:               t.plural + " [NAME]",
		Aliases:           []string{t.name},
		Short:             "List " + t.plural + ", or show one",
		Example:           fmt.Sprintf("flowcli ls %s\nflowcli ls %s -n NAME\nflowcli -o json ls %s", t.plural, t.name, t.plural),
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(t.kind),
	}
	nameFlags(cmd, t.name)
	page := cmd.Flags().Int("page", 1, "page to show, with --rows")
	rows := cmd.Flags().Int("rows", 0, "rows of a page; 0: all")
	filter := cmd.Flags().String("filter", "", "only those with FIELD=VALUE, with commas between several; fields: name, status, owner, processor, node, queue, task")
	argv.Short(cmd.Flags(), "page", "p")
	argv.Short(cmd.Flags(), "rows", "r")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 || cmd.Flag("name").Changed || cmd.Flag("id").Changed {
			name, err := named(cmd, args)
			if err != nil {
				return err
			}
			return c.showObject(cmd.Context(), t, name)
		}
		if *page < 1 || *rows < 0 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "pages count from 1, and rows from 0")
		}
		return c.listObjects(cmd.Context(), t, *filter, *page, *rows)
	}
	return cmd
}

// maxListed bounds the objects of one list without --rows.
const maxListed = 100_000

func (c *cli) listObjects(ctx context.Context, t thing, filter string, page, rows int) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	most := maxListed
	if rows > 0 && t.kind != messages.Kind_KIND_ARGUMENT {
		most = page * rows
	}
	var objects []*messages.Object
	total, err := everyObject(ctx, net, &messages.ListRequest{Kind: t.kind, Filter: filter}, most, func(o *messages.Object) {
		objects = append(objects, o)
	})
	if err != nil {
		return err
	}
	if t.kind == messages.Kind_KIND_ARGUMENT {
		byPosition(objects)
	}
	if rows > 0 {
		objects = objects[min(len(objects), (page-1)*rows):]
		objects = objects[:min(len(objects), rows)]
	}
	if c.structured() {
		return c.write(listDocument(t, objects, total))
	}
	if err := c.objectTable(ctx, t, objects); err != nil {
		return err
	}
	if t.kind == messages.Kind_KIND_PROCESSOR {
		c.reasons(objects)
	}
	if rows > 0 {
		fmt.Fprintln(c.out, pageLine(page, rows, total))
	}
	return nil
}

// reasons says below a list why processors are as they are.
func (c *cli) reasons(processors []*messages.Object) {
	for _, o := range processors {
		if o.Message != "" {
			fmt.Fprintf(c.out, "%s: %s\n", o.Name, progress(o))
		}
	}
}

// byPosition puts arguments, which come by the names of their tasks and their
// own, into the order of their functions' signatures.
func byPosition(arguments []*messages.Object) {
	tasks := map[string]int{}
	for i, o := range arguments {
		if _, seen := tasks[o.GetArgument().GetTask()]; !seen {
			tasks[o.GetArgument().GetTask()] = i
		}
	}
	slices.SortStableFunc(arguments, func(a, b *messages.Object) int {
		x, y := a.GetArgument(), b.GetArgument()
		return cmp.Or(cmp.Compare(tasks[x.GetTask()], tasks[y.GetTask()]), cmp.Compare(x.GetPosition(), y.GetPosition()))
	})
}

// objectTable draws objects of one class.
func (c *cli) objectTable(ctx context.Context, t thing, objects []*messages.Object) error {
	called := newNames(c.network).of(ctx)
	var header []string
	for _, column := range t.columns {
		header = append(header, column.name)
	}
	var rows [][]string
	for _, o := range objects {
		var row []string
		for _, column := range t.columns {
			row = append(row, column.cell(o, called))
		}
		rows = append(rows, row)
	}
	return c.table(header, rows)
}

// showObject shows one object, why it is as it is, and what belongs to it.
func (c *cli) showObject(ctx context.Context, t thing, name string) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	found, err := net.Get(ctx, t.kind, name)
	if err != nil {
		return err
	}
	if c.structured() {
		return c.write(shownDocument(found))
	}
	if err := c.objectTable(ctx, t, []*messages.Object{found.Object}); err != nil {
		return err
	}
	if err := c.policy(ctx, found.Object); err != nil {
		return err
	}
	if found.Held > 0 {
		fmt.Fprintf(c.out, "It holds %d calls\n", found.Held)
	}
	if found.Object.Message != "" {
		fmt.Fprintf(c.out, "Message\n%s\n", strings.TrimRight(found.Object.Message, "\n"))
	}
	if err := c.socketGate(found.Gate); err != nil {
		return err
	}
	return c.relatedTables(ctx, found.Related)
}

// relatedTables draws what belongs to an object, a table for each class.
func (c *cli) relatedTables(ctx context.Context, related []*messages.Object) error {
	for _, t := range things() {
		mine := slices.DeleteFunc(slices.Clone(related), func(o *messages.Object) bool { return o.Kind != t.kind })
		if len(mine) == 0 {
			continue
		}
		fmt.Fprintln(c.out, strings.ToUpper(t.plural[:1])+t.plural[1:])
		if err := c.objectTable(ctx, t, mine); err != nil {
			return err
		}
	}
	return nil
}

// shownDocument is one object for programs, with what belongs to it.
func shownDocument(found *messages.ObjectResponse) document.Object {
	related := []document.Object{}
	for _, o := range found.Related {
		related = append(related, objectDocument(o))
	}
	d := append(objectDocument(found.Object),
		document.Member{Name: "held", Value: found.Held},
		document.Member{Name: "related", Value: related})
	if found.Gate != nil {
		d = append(d, document.Member{Name: "gate", Value: gateDocument(found.Gate)})
	}
	return d
}

// pageLine says which part of a list was shown.
func pageLine(page, rows int, total int64) string {
	pages := max(1, (total+int64(rows)-1)/int64(rows))
	return fmt.Sprintf("Page %d of %d of %d total records", page, pages, total)
}
