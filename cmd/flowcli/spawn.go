package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newSpawn is the short way from a repository to sockets that can run.
func newSpawn(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spawn",
		Short: "Make a queue, a processor and sockets of a module, and wait until they can run",
		Long: `Make a queue, a processor, and for each public function of its module a socket
MODULE.FUNCTION; wait until they can run, and print the sockets. What happens
meanwhile is told on stderr.

A second spawn updates: the branch is read again, flags that are given change
the processor, new functions get sockets. What ran before runs on until the new
code has been built and a worker has started with it. Sockets whose function is
no longer in the module refuse the update; --prune deletes them.`,
		Example: `flowcli spawn -g https://example.org/me/processors -m pyfi.processors.sample
flowcli spawn -g file:///srv/processors -m my.module -n proc1 -c 4 -br develop --queue my.queue`,
		Args: noArguments,
	}
	fields := relaxed(fieldsOf(thingOf(messages.Kind_KIND_PROCESSOR), onAdd))
	flags := cmd.Flags()
	flags.String("name", "", "name of the processor (default the module's)")
	flags.String("queue", "", "name of the queue (default the processor's)")
	argv.Short(flags, "name", "n")
	argv.Short(flags, "queue", "q")
	define(flags, without(fields, "requested-status", "builtin-echo"))
	slotFlags(flags)
	timeout := &durationValue{bare: second}
	flags.Var(timeout, "timeout", "how long to wait until it can run; a bare number is seconds (default as long as it takes)")
	noWait := flags.Bool("no-wait", false, "do not wait until it can run")
	prune := flags.Bool("prune", false, "delete the sockets whose function is no longer in the module, if they hold no calls")
	c.completeFields(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := c.newSpawning(cmd, fields)
		if err != nil {
			return err
		}
		s.prune = *prune
		functions, err := s.build(cmd.Context())
		if err != nil {
			return err
		}
		ctx, cancel := timeout.bound(cmd.Context())
		defer cancel()
		if s.pending && !*noWait {
			// The functions of the new code are not there before it serves.
			if err := s.coming().wait(ctx); err != nil {
				return err
			}
		}
		if err := s.makeSockets(cmd.Context(), functions); err != nil {
			return err
		}
		if !*noWait {
			if err := s.coming().wait(ctx); err != nil {
				return err
			}
		}
		return s.print()
	}
	return cmd
}

// spawning is one spawn on its way.
type spawning struct {
	c         *cli
	net       *client.Client
	queue     string
	processor *messages.Object
	paths     []string // fields whose flags were given
	prune     bool     // delete sockets without a function
	pending   bool     // other code serves until the new one has started
	sockets   []string
}

func (c *cli) newSpawning(cmd *cobra.Command, fields []field) (*spawning, error) {
	if err := settleSlots(cmd); err != nil {
		return nil, err
	}
	object := &messages.Object{Kind: messages.Kind_KIND_PROCESSOR, Enabled: true, RequestedStatus: "running"}
	paths, err := fill(cmd, fields, object)
	if err != nil {
		return nil, err
	}
	p := specOf(object)
	if p.Gitrepo == "" || p.Module == "" {
		return nil, messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs -g/--gitrepo and -m/--module").WithHint("see flowcli spawn --help")
	}
	c.unpin(object)
	object.Name = firstOf(flagText(cmd.Flags(), "name"), p.Module)
	s := &spawning{c: c, processor: object, paths: paths, queue: firstOf(flagText(cmd.Flags(), "queue"), object.Name)}
	s.net, err = c.connect()
	return s, err
}

// build makes queue and processor, and gives the functions that get sockets.
// The code is looked at first, and the sockets that there are, so that what
// cannot be done changes nothing.
func (s *spawning) build(ctx context.Context) ([]string, error) {
	found, err := s.net.Inspect(ctx, s.processor.GetProcessor())
	if err != nil {
		return nil, err
	}
	functions := publicFunctions(found)
	if len(functions) == 0 {
		return nil, messages.Errorf(messages.NotFound, "spawn", s.processor.GetProcessor().GetModule(), "the module has no public function at commit %s", short(found.Commit))
	}
	if err := s.socketsFree(ctx, functions); err != nil {
		return nil, err
	}
	if err := s.settleVanished(ctx, found); err != nil {
		return nil, err
	}
	s.c.notef("module %s at commit %s: %s", s.processor.GetProcessor().GetModule(), short(found.Commit), strings.Join(functions, ", "))
	for _, step := range []func(context.Context) error{s.makeQueue, s.makeProcessor} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return functions, nil
}

// socketsFree refuses names that other processors' sockets have.
func (s *spawning) socketsFree(ctx context.Context, functions []string) error {
	wanted := map[string]bool{}
	for _, function := range functions {
		wanted[s.socketOf(function)] = true
	}
	var taken []*messages.Object
	_, err := everyObject(ctx, s.net, &messages.ListRequest{Kind: messages.Kind_KIND_SOCKET}, maxListed, func(o *messages.Object) {
		if wanted[o.Name] {
			taken = append(taken, o)
		}
	})
	if err != nil || len(taken) == 0 {
		return err
	}
	there, err := s.net.Get(ctx, messages.Kind_KIND_PROCESSOR, s.processor.Name)
	if err != nil && !errors.Is(err, messages.NotFound) {
		return err
	}
	called := newNames(s.net).of(ctx)
	for _, o := range taken {
		if owner := o.GetSocket().GetProcessor(); owner != there.GetObject().GetId() && owner != s.processor.Name {
			name := called(messages.Kind_KIND_PROCESSOR, owner)
			return messages.Errorf(messages.Conflict, "spawn", "processor "+s.processor.Name, "the name of socket %s is taken, by processor %s", o.Name, name).
				WithHint("update that processor: flowcli spawn -n %s …, or add sockets of other names: flowcli add processor, flowcli add socket", name)
		}
	}
	return nil
}

func (s *spawning) coming() coming { return coming{s.c, s.net, s.processor.Name} }

func (s *spawning) socketOf(function string) string {
	return s.processor.GetProcessor().GetModule() + "." + function
}

// publicFunctions are the functions that get sockets, in the module's order.
func publicFunctions(found *messages.InspectResponse) []string {
	var list []string
	for _, f := range found.Functions {
		if !strings.HasPrefix(f.Name, "_") {
			list = append(list, f.Name)
		}
	}
	return list
}

func (s *spawning) makeQueue(ctx context.Context) error {
	_, err := s.net.Get(ctx, messages.Kind_KIND_QUEUE, s.queue)
	if !errors.Is(err, messages.NotFound) {
		return err
	}
	queue := &messages.Object{Name: s.queue, Kind: messages.Kind_KIND_QUEUE, Enabled: true, Owner: s.c.owner(),
		Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct", Durable: true, Reliable: true}}}
	if _, err := s.net.Create(ctx, queue); err != nil {
		return err
	}
	s.c.notef("queue %s: added", s.queue)
	return nil
}

func (s *spawning) makeProcessor(ctx context.Context) error {
	name := s.processor.Name
	_, err := s.net.Get(ctx, messages.Kind_KIND_PROCESSOR, name)
	if errors.Is(err, messages.NotFound) {
		s.processor.Owner = s.c.owner()
		if p := s.processor.GetProcessor(); p.Concurrency == 0 {
			p.Concurrency = 1
		}
		if _, err = s.net.Create(ctx, s.processor); err == nil {
			s.c.notef("processor %s: added", name)
		}
		return err
	}
	if err != nil {
		return err
	}
	return s.renew(ctx)
}

// sameCode refuses to put other code in the place of a processor's: a name that
// two people happen to choose must not take one's work from the other.
func (s *spawning) sameCode(there *messages.Object) error {
	has, wants := there.GetProcessor(), s.processor.GetProcessor()
	if has.GetModule() == wants.Module && withoutUser(has.GetGitrepo()) == withoutUser(wants.Gitrepo) {
		return nil
	}
	return messages.Errorf(messages.Conflict, "spawn", "processor "+there.Name, "it exists, and runs module %s of %s", has.GetModule(), withoutUser(has.GetGitrepo())).
		WithHint("choose another name with -n, or change this one: flowcli update processor -n %s -g … -m …", there.Name)
}

// withoutUser takes the credentials out of a repository's address.
func withoutUser(repo string) string {
	scheme, rest, ok := strings.Cut(repo, "://")
	if !ok {
		return repo
	}
	host, path, slash := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if slash {
		host += "/" + path
	}
	return scheme + "://" + host
}

// renew brings a processor to what the flags say and to its branch's tip.
func (s *spawning) renew(ctx context.Context) error {
	name := s.processor.Name
	paths := changedPaths(s.paths)
	if len(paths) > 0 {
		if _, err := s.net.Update(ctx, &messages.UpdateRequest{
			Kind: messages.Kind_KIND_PROCESSOR, Name: name, Object: s.processor, Fields: paths,
		}); err != nil {
			return err
		}
		s.c.notef("processor %s: updated", name)
	}
	restarted, err := s.net.Control(ctx, name, "restart")
	if err != nil {
		return err
	}
	s.pending = restarted.Object.GetProcessor().GetServing() != nil
	s.c.notef("processor %s: restarting", name)
	return nil
}

// changedPaths leaves out what is the same by sameCode.
func changedPaths(paths []string) []string {
	var rest []string
	for _, path := range paths {
		if path != "processor.gitrepo" && path != "processor.module" {
			rest = append(rest, path)
		}
	}
	return rest
}

func (s *spawning) makeSockets(ctx context.Context, functions []string) error {
	mine, err := s.socketsThere(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, o := range mine {
		there[o.Name] = true
	}
	for _, function := range functions {
		name := s.socketOf(function)
		if !there[name] {
			socket := &messages.Object{Name: name, Kind: messages.Kind_KIND_SOCKET, Enabled: true, Owner: s.c.owner(),
				Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: s.processor.Name, Queue: s.queue, Function: function}}}
			_, err := s.net.Create(ctx, socket)
			if errors.Is(err, messages.NotFound) && s.pending {
				s.c.notef("socket %s: not added, since its function comes with the update; spawn again when that runs", name)
				continue
			}
			if err != nil {
				return err
			}
			s.c.notef("socket %s: added", name)
		}
		s.sockets = append(s.sockets, name)
	}
	return nil
}

// print writes the sockets that can be run now.
func (s *spawning) print() error {
	if s.c.structured() {
		return s.c.write(document.Object{
			{Name: "processor", Value: s.processor.Name},
			{Name: "queue", Value: s.queue},
			{Name: "sockets", Value: s.sockets},
		})
	}
	for _, name := range s.sockets {
		if _, err := fmt.Fprintln(s.c.out, name); err != nil {
			return err
		}
	}
	return nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func flagText(flags *pflag.FlagSet, name string) string { return flags.Lookup(name).Value.String() }
