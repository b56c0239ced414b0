package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/cmd/flowcli/literal"
	"github.com/elasticcode/flow/messages"
)

// newDead is the verb for calls that failed for good, and for messages of which
// no call was made.
func newDead(c *cli) *cobra.Command {
	return verbOf("dead", "Look at dead letters, send them again, drop them",
		`Look at dead letters, change what they are sent again with, send them again or
drop them. A dead letter is a call that failed or expired, or a message of which
no call was made. "ls dead" lists them.`,
		newDeadShow(c), newDeadEdit(c), newDeadRedrive(c), newDeadDrop(c))
}

// deadFilter chooses dead letters.
type deadFilter struct {
	socket, kind string
	since        durationValue
}

func (f *deadFilter) define(c *cli, cmd *cobra.Command) {
	f.since.bare = second
	flags := cmd.Flags()
	flags.StringVar(&f.socket, "socket", "", "only those of this socket")
	flags.StringVar(&f.kind, "type", "", "only those that died of this: an exception's class, timeout, quarantined, expired, dead_letter, …")
	flags.Var(&f.since, "since", "only those that died within this time; a bare number is seconds")
	argv.Short(flags, "socket", "s")
	c.completeFields(cmd)
}

func (f *deadFilter) given(cmd *cobra.Command) bool {
	return cmd.Flag("socket").Changed || cmd.Flag("type").Changed || cmd.Flag("since").Changed
}

func (f *deadFilter) request(rows int) *messages.ListDeadRequest {
	m := &messages.ListDeadRequest{Socket: f.socket, Type: f.kind, Rows: int32(rows)}
	if f.since.time > 0 {
		m.Since = time.Now().Add(-f.since.time).UnixMicro()
	}
	return m
}

// pieces gives the letters that a filter chooses, some at a time, to what is to be
// done with them. What dies meanwhile is not among them.
func (f *deadFilter) pieces(ctx context.Context, net *client.Client, what string, do func([]*messages.DeadInfo) error) error {
	for request := f.request(messages.MaxDead); ; {
		page, err := net.ListDead(ctx, request)
		if err != nil {
			return attempting(what+" dead letters of", err)
		}
		if len(page.Letters) > 0 {
			if err := do(page.Letters); err != nil {
				return err
			}
		}
		if request.PageToken = page.NextPageToken; request.PageToken == "" {
			return nil
		}
	}
}

func newDeadShow(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a dead letter: why it died, the call, what it is sent again with",
		Example: "flowcli dead show 0193a1b2-c3d4-7001-8f00-0123456789ab",
	}
	takesID(cmd, "dead letter", func(cmd *cobra.Command, id string) error {
		net, err := c.connectToLook()
		if err != nil {
			return err
		}
		letter, err := net.GetDead(cmd.Context(), id)
		if err != nil {
			return err
		}
		return c.showDead(letter)
	})
	return cmd
}

func (c *cli) showDead(l *messages.DeadInfo) error {
	if c.structured() {
		return c.write(deadDocument(l))
	}
	if err := c.callTables(l.Call); err != nil {
		return err
	}
	if l.Edited {
		fmt.Fprintln(c.out, "Edited: it is sent again with these arguments")
	}
	c.callTexts(l.Call, callParts{arguments: true, log: true})
	return nil
}

func newDeadEdit(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Change what a dead letter is sent again with",
		Long: `Change what a dead letter is sent again with. The data is read like that of "task
run". The call keeps the arguments with which it died.`,
		Example: `flowcli dead edit 0193a1b2-c3d4-7001-8f00-0123456789ab -d '{"one": 2, "two": 3}'`,
	}
	data := cmd.Flags().String("data", "", "arguments: JSON or a Python literal [required]")
	argv.Short(cmd.Flags(), "data", "d")
	takesID(cmd, "dead letter", func(cmd *cobra.Command, id string) error {
		if !cmd.Flag("data").Changed {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -d/--data")
		}
		text, err := editData(cmd, *data)
		if err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		letter, err := net.EditDead(cmd.Context(), id, text)
		if err != nil {
			return err
		}
		return c.showDead(letter)
	})
	return cmd
}

// editData reads what a letter becomes. Text that is neither JSON nor a literal
// is refused: with "task run" it would be a string, but here a slip would only
// show when the letter dies again.
func editData(cmd *cobra.Command, given string) (string, error) {
	text, err := literal.Data(given)
	if err == nil && strings.HasPrefix(text, `"`) && !strings.HasPrefix(strings.TrimSpace(given), `"`) && !strings.HasPrefix(strings.TrimSpace(given), `'`) {
		err = messages.Errorf(messages.Invalid, cmd.CommandPath(), "--data", "%.40q is not JSON", given).WithHint(`a string is written with quotes: '"text"'`)
	}
	return text, err
}

func newDeadRedrive(c *cli) *cobra.Command {
	f := &deadFilter{}
	cmd := &cobra.Command{
		Use:   "redrive [ID…]",
		Short: "Send dead letters again, each once",
		Long: `Send dead letters again: those that are named, or those that a filter chooses. Each
becomes a new call, whose parent is the dead one, and is a dead letter no more.`,
		Example: `flowcli dead redrive 0193a1b2-c3d4-7001-8f00-0123456789ab
flowcli dead redrive --socket pyfi.processors.sample.do_this --since 1h --dry-run
flowcli dead redrive --all`,
	}
	f.define(c, cmd)
	all := cmd.Flags().Bool("all", false, "all there are")
	dry := cmd.Flags().Bool("dry-run", false, "only say which")
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		if err := chosen(cmd, f, ids, *all); err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		r := &redriving{c: c, net: net, dry: *dry, alone: len(ids) == 1}
		if len(ids) > 0 {
			err = inPieces(ids, func(some []string) error { return r.send(cmd.Context(), some) })
		} else {
			err = f.pieces(cmd.Context(), net, "redrive", func(letters []*messages.DeadInfo) error { return r.send(cmd.Context(), idsOf(letters)) })
		}
		return cmp.Or(err, r.told())
	}
	return cmd
}

// chosen refuses a command that names no letters, or names them in two ways.
func chosen(cmd *cobra.Command, f *deadFilter, ids []string, all bool) error {
	ways := 0
	for _, way := range []bool{len(ids) > 0, f.given(cmd), all} {
		if way {
			ways++
		}
	}
	if ways == 1 {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs ids, or a filter, or --all").WithHint("see %s --help", cmd.CommandPath())
}

func idsOf(letters []*messages.DeadInfo) (ids []string) {
	for _, l := range letters {
		ids = append(ids, l.Call.Id)
	}
	return ids
}

func inPieces(ids []string, do func([]string) error) error {
	for len(ids) > 0 {
		n := min(len(ids), messages.MaxDead)
		if err := do(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// redriving is one run of redrive.
type redriving struct {
	c          *cli
	net        *client.Client
	dry        bool
	alone      bool // one letter was named: what is wrong with it is the command's error
	asked      int
	sent, left int
	before     int // that were sent again by somebody else, or in another run
	lines      []document.Object
	first      error // why the first that was left could not be sent
}

func (r *redriving) send(ctx context.Context, ids []string) error {
	r.asked += len(ids)
	if r.dry {
		for _, id := range ids {
			r.line(id, "", "")
		}
		return nil
	}
	answers, err := r.net.RedriveDead(ctx, ids, r.c.owner())
	if err != nil {
		return err
	}
	for _, a := range answers {
		switch {
		case a.Error != nil:
			r.left++
			r.first = cmp.Or(r.first, a.Error.Err())
			r.line(a.Id, "", a.Error.Err().Error())
		case a.Duplicate:
			r.before++
			r.line(a.Id, a.Call, "")
			r.c.notef("dead letter %s: it was sent again before, as call %s", a.Id, a.Call)
		default:
			r.sent++
			r.line(a.Id, a.Call, "")
		}
	}
	return nil
}

// line tells of one letter: for people at once, for programs at the end.
func (r *redriving) line(id, call, reason string) {
	if r.c.structured() {
		r.lines = append(r.lines, document.Object{{Name: "id", Value: id}, {Name: "call", Value: orNull(call)}, {Name: "error", Value: orNull(reason)}})
		return
	}
	switch {
	case reason != "" && r.alone:
	case reason != "":
		r.c.notef("%s", reason)
	case call == "":
		fmt.Fprintln(r.c.out, id)
	default:
		fmt.Fprintln(r.c.out, call)
	}
}

func (r *redriving) told() error {
	if r.c.structured() {
		if r.lines == nil {
			r.lines = []document.Object{}
		}
		if err := r.c.write(document.Object{{Name: "redriven", Value: r.lines}, {Name: "dry_run", Value: r.dry}}); err != nil {
			return err
		}
	}
	switch {
	case r.asked == 0:
		r.c.notef(noLetters)
	case r.dry:
		r.c.notef("%d would be sent again", r.asked)
	default:
		r.c.notef("%d sent again, %d before, %d could not be", r.sent, r.before, r.left)
	}
	if r.left == 0 || r.alone {
		return r.first
	}
	return failedLetters("redrive", r.left, r.asked, r.first)
}

// noLetters answers a filter that chooses nothing.
const noLetters = "no dead letter is like that"

// failedLetters is the error of a command that could not do to some letters what
// was asked: each of them was told before. It is of the kind of the first.
func failedLetters(op string, left, asked int, first error) error {
	return messages.Errorf(messages.KindError(messages.InfoOf(first).Kind), op, "dead letters", "%d of %d could not be done", left, asked)
}

func newDeadDrop(c *cli) *cobra.Command {
	f := &deadFilter{}
	cmd := &cobra.Command{
		Use:   "drop [ID…]",
		Short: "Forget dead letters; their calls stay in lists",
		Example: `flowcli dead drop 0193a1b2-c3d4-7001-8f00-0123456789ab
flowcli dead drop --type expired --yes`,
	}
	f.define(c, cmd)
	all := cmd.Flags().Bool("all", false, "all there are")
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		if err := chosen(cmd, f, ids, *all); err != nil {
			return err
		}
		if err := c.sure(cmd, *yes, "Dead letters that are dropped cannot be sent again."); err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		d := &droppingDead{c: c, net: net, named: len(ids)}
		if len(ids) > 0 {
			err = inPieces(ids, func(some []string) error { return d.drop(cmd.Context(), some) })
		} else {
			err = f.pieces(cmd.Context(), net, "drop", func(letters []*messages.DeadInfo) error { return d.drop(cmd.Context(), idsOf(letters)) })
		}
		return cmp.Or(err, d.told())
	}
	return cmd
}

// sure asks, when a person sits there; without one, --yes must be given.
func (c *cli) sure(cmd *cobra.Command, yes bool, warning string) error {
	if yes {
		return nil
	}
	if !isTerminal(c.in) {
		return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "nobody is there to be asked").WithHint("say --yes")
	}
	fmt.Fprint(c.err, warning+" Go on? [y/N] ")
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if word := strings.ToLower(strings.TrimSpace(line)); err == nil && (word == "y" || word == "yes") {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "nothing was dropped")
}
