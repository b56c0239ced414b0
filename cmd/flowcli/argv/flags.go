// Package argv reads command lines as people type them, with short flags of
// two letters, and gives cobra the same line in long flags.
package argv

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a flag carries in its annotations. The short forms stand on the flag
// itself, so that parsing, help and the manual cannot disagree.
const (
	shortKey    = "flow_short"    // its short forms, without the dash
	everyKey    = "flow_every"    // a global flag whose short forms also work behind the verb
	optionalKey = "flow_optional" // its value may be left out
	smallKey    = "flow_small"    // the flag that takes a whole number of up to three digits in its place
)

// Short gives a flag short forms: one letter or more, each with one dash.
func Short(flags *pflag.FlagSet, long string, shorts ...string) {
	annotate(flags, long, shortKey, shorts)
}

// Everywhere lets a global flag's short forms stand behind the verb too.
func Everywhere(flags *pflag.FlagSet, long string) {
	annotate(flags, long, everyKey, []string{"true"})
}

// Optional lets a flag stand without a value; it then has the bare value.
func Optional(flags *pflag.FlagSet, long, bare string) {
	annotate(flags, long, optionalKey, []string{"true"})
	flags.Lookup(long).NoOptDefVal = bare
}

// SmallNumber sends a short form's value to another flag when it is a whole
// number of up to three digits.
func SmallNumber(flags *pflag.FlagSet, long, other string) {
	annotate(flags, long, smallKey, []string{other})
}

func annotate(flags *pflag.FlagSet, long, key string, values []string) {
	if err := flags.SetAnnotation(long, key, values); err != nil {
		panic(err) // the flag is not defined: a broken table
	}
}

// Shorts are a flag's short forms.
func Shorts(f *pflag.Flag) []string { return f.Annotations[shortKey] }

// IsOptional says that a flag's value may be left out.
func IsOptional(f *pflag.Flag) bool { return f.Annotations[optionalKey] != nil }

// takesValue says that a flag needs a value of its own.
func takesValue(f *pflag.Flag) bool { return f.NoOptDefVal == "" }

// flagsOf are all flags that a command knows, those of its parents included.
func flagsOf(c *cobra.Command) *pflag.FlagSet {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.AddFlagSet(c.Flags())
	for p := c; p != nil; p = p.Parent() {
		all.AddFlagSet(p.PersistentFlags())
	}
	return all
}

// long finds a flag by its long name. Dashes and underscores do not count, so
// that --requested_status, --requested-status and --rate-limit all work.
func long(flags *pflag.FlagSet, name string) *pflag.Flag {
	if f := flags.Lookup(name); f != nil {
		return f
	}
	var found *pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) {
		if squash(f.Name) == squash(name) {
			found = f
		}
	})
	return found
}

func squash(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

// shortsOf maps the short forms that a command takes. Global ones stand before
// the verb, since commands use the same letters for their own.
func shortsOf(c *cobra.Command, flags *pflag.FlagSet) map[string]*pflag.Flag {
	shorts := map[string]*pflag.Flag{}
	globals := c.Root().PersistentFlags()
	flags.VisitAll(func(f *pflag.Flag) {
		if c.HasParent() && globals.Lookup(f.Name) == f && f.Annotations[everyKey] == nil {
			return
		}
		for _, s := range Shorts(f) {
			shorts[s] = f
		}
	})
	if help := flags.Lookup("help"); help != nil && shorts["h"] == nil {
		shorts["h"] = help
	}
	return shorts
}

// ValueName is what stands for a flag's value.
func ValueName(f *pflag.Flag) string {
	switch kind := f.Value.Type(); kind {
	case "string", "text":
		return "TEXT"
	case "int", "int32", "uint32", "number":
		return "NUMBER"
	case "bool":
		return "BOOLEAN"
	case "stringArray":
		return "TEXT …"
	case "stringSlice", "words":
		return "TEXT,…"
	case "duration", "file":
		return strings.ToUpper(kind)
	default:
		return "[" + kind + "]"
	}
}
