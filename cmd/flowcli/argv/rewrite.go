package argv

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/nearest"
)

// Line is a command line that was read.
type Line struct {
	Command *cobra.Command
	Globals []Setting // flags that stood before the verb
	Args    []string  // for cobra: the verbs, long flags, then -- and the rest
	Notes   []string  // what people should know about how it was read
}

// Setting is a flag and its value.
type Setting struct{ Name, Value string }

// Rewrite reads a command line. A verb or flag that does not exist is an
// error that names the nearest one that does; the globals before it count.
func Rewrite(root *cobra.Command, args []string) (Line, error) {
	r, err := read(root, args)
	if err != nil {
		return Line{Command: r.command, Globals: r.globals}, err
	}
	if r.pending != nil {
		return Line{Command: r.command, Globals: r.globals}, r.errorf(r.typed, "it needs a value").
			WithHint("%s %s", r.typed, ValueName(r.pending))
	}
	line := Line{Command: r.command, Globals: r.globals, Notes: r.notes}
	line.Args = append(line.Args, r.path...)
	line.Args = append(line.Args, r.flags...)
	if r.command.DisableFlagParsing {
		line.Args = append(line.Args, r.rest...)
	} else if len(r.rest) > 0 {
		line.Args = append(append(line.Args, "--"), r.rest...)
	}
	return line, nil
}

// Complete reads a command line that is still being typed, for cobra's hidden
// completion command: args[0] is that command, the last one is unfinished.
func Complete(root *cobra.Command, args []string) Line {
	as := Line{Command: root, Args: args}
	if len(args) < 2 {
		return as
	}
	r, err := read(root, args[1:len(args)-1])
	if err != nil {
		return as
	}
	as.Command, as.Globals = r.command, r.globals
	as.Args = append([]string{args[0]}, r.path...)
	as.Args = append(as.Args, r.flags...)
	as.Args = append(as.Args, r.rest...)
	if r.pending != nil {
		as.Args = append(as.Args, "--"+r.pending.Name)
	}
	as.Args = append(as.Args, args[len(args)-1])
	return as
}

// reader walks over the words of a command line.
type reader struct {
	command *cobra.Command
	known   *pflag.FlagSet
	shorts  map[string]*pflag.Flag
	path    []string
	globals []Setting
	flags   []string
	rest    []string
	notes   []string
	pending *pflag.Flag // waits for its value
	typed   string      // how the pending flag was typed
}

func (r *reader) enter(c *cobra.Command) {
	r.command = c
	r.known = flagsOf(c)
	r.shorts = shortsOf(c, r.known)
}

func read(root *cobra.Command, args []string) (*reader, error) {
	r := &reader{}
	r.enter(root)
	for i, word := range args {
		if r.command.DisableFlagParsing {
			r.rest = args[i:]
			break
		}
		if r.pending != nil {
			if !IsOptional(r.pending) || !strings.HasPrefix(word, "-") {
				r.settle(word)
				continue
			}
			r.settleBare()
		}
		if word == "--" {
			r.rest = append(r.rest, args[i+1:]...)
			break
		}
		if err := r.word(word); err != nil {
			return r, err
		}
	}
	if r.pending != nil && IsOptional(r.pending) {
		r.settleBare()
	}
	return r, nil
}

// negativeNumber is what looks like a flag and is an argument.
var negativeNumber = regexp.MustCompile(`^-[0-9.]`)

func (r *reader) word(word string) error {
	switch {
	case strings.HasPrefix(word, "--"):
		return r.long(word)
	case len(word) > 1 && word[0] == '-' && !negativeNumber.MatchString(word):
		return r.short(word)
	case r.command.HasSubCommands():
		return r.verb(word)
	}
	r.rest = append(r.rest, word)
	return nil
}

func (r *reader) verb(word string) error {
	for _, c := range r.command.Commands() {
		if c.Name() == word || c.HasAlias(word) {
			r.path = append(r.path, c.Name())
			r.enter(c)
			return nil
		}
	}
	var names []string
	for _, c := range r.command.Commands() {
		names = append(names, c.Name())
		names = append(names, c.Aliases...)
	}
	err := r.errorf(word, "no such command")
	if near := nearest.Name(word, names); near != "" {
		return err.WithHint("did you mean %s %s?", r.command.CommandPath(), near)
	}
	return err.WithHint("see %s --help", r.command.CommandPath())
}

func (r *reader) long(word string) error {
	name, value, given := strings.Cut(word[2:], "=")
	f := long(r.known, name)
	if f == nil {
		return r.unknown(word[:len(name)+2])
	}
	return r.flag(f, word[:len(name)+2], value, given)
}

// short reads -x, -xy, -x=value, -xvalue and, for switches, -xyz.
func (r *reader) short(word string) error {
	name, value, given := strings.Cut(word[1:], "=")
	if f := r.shorts[name]; f != nil {
		return r.flag(f, "-"+name, value, given)
	}
	first := r.shorts[word[1:2]]
	if first == nil || len(name) == 2 && r.longer(name[:1]) {
		return r.unknown("-" + name)
	}
	if takesValue(first) {
		return r.flag(first, word[:2], word[2:], true)
	}
	var group []*pflag.Flag
	for _, letter := range word[1:] {
		f := r.shorts[string(letter)]
		if f == nil || takesValue(f) {
			return r.unknown(word)
		}
		group = append(group, f)
	}
	for _, f := range group {
		r.set(f, f.NoOptDefVal)
	}
	return nil
}

// longer says that short forms of two letters begin with a letter. What has two
// letters and is none of them is then a slip, not a letter and its value.
func (r *reader) longer(letter string) bool {
	for s := range r.shorts {
		if len(s) > 1 && s[:1] == letter {
			return true
		}
	}
	return false
}

// flag takes a flag that was found, with its value when that is there already.
func (r *reader) flag(f *pflag.Flag, typed, value string, given bool) error {
	r.typed = typed
	switch {
	case given:
		r.pending = f
		r.settle(value)
	case takesValue(f) || IsOptional(f):
		r.pending = f
	default:
		r.set(f, f.NoOptDefVal)
	}
	return nil
}

var smallNumber = regexp.MustCompile(`^[0-9]{1,3}$`)

// settle gives the pending flag its value.
func (r *reader) settle(value string) {
	f := r.pending
	r.pending = nil
	if other := f.Annotations[smallKey]; other != nil && !strings.HasPrefix(r.typed, "--") && smallNumber.MatchString(value) {
		r.notes = append(r.notes, fmt.Sprintf("%s %s is read as --%s %s; for a %s of that name write --%s %s",
			r.typed, value, other[0], value, f.Name, f.Name, value))
		f = r.known.Lookup(other[0])
	}
	r.set(f, value)
}

func (r *reader) settleBare() {
	f := r.pending
	r.pending = nil
	r.set(f, f.NoOptDefVal)
}

func (r *reader) set(f *pflag.Flag, value string) {
	if !r.command.HasParent() {
		r.globals = append(r.globals, Setting{f.Name, value})
		return
	}
	r.flags = append(r.flags, "--"+f.Name+"="+value)
}

// unknown is the error for a flag that is not there.
func (r *reader) unknown(typed string) error {
	err := r.errorf(typed, "no such flag")
	if r.command.HasParent() && !strings.HasPrefix(typed, "--") {
		globals := shortsOf(r.command.Root(), r.command.Root().PersistentFlags())
		if f := globals[typed[1:]]; f != nil {
			return err.WithHint("for the global flag write --%s, or put %s before the verb", f.Name, typed)
		}
	}
	var names []string
	r.known.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	for s := range r.shorts {
		names = append(names, "-"+s)
	}
	if near := nearest.Name(typed, names); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err.WithHint("see %s --help", r.command.CommandPath())
}

func (r *reader) errorf(subject, format string, args ...any) *messages.Error {
	return messages.Errorf(messages.Invalid, r.command.CommandPath(), subject, format, args...)
}
