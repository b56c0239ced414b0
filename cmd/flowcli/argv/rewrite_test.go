package argv

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// tree is a small command line with every kind of flag.
func tree() *cobra.Command {
	root := &cobra.Command{Use: "prog"}
	globals := root.PersistentFlags()
	globals.String("api", "", "")
	globals.String("output", "", "")
	globals.Bool("debug", false, "")
	globals.Bool("help", false, "")
	Short(globals, "api", "a")
	Short(globals, "output", "o")
	Everywhere(globals, "output")

	work := func(*cobra.Command, []string) {}
	socket := &cobra.Command{Use: "socket", Aliases: []string{"sockets"}, Run: work}
	flags := socket.Flags()
	for long, short := range map[string]string{"name": "n", "processor": "pn", "password": "p", "hostname": "h", "commit": "c", "requested_status": "rs"} {
		flags.String(long, "", "")
		Short(flags, long, short)
	}
	flags.Int("concurrency", 0, "")
	SmallNumber(flags, "commit", "concurrency")
	for long, short := range map[string]string{"beat": "b", "deploy": "d"} {
		flags.Bool(long, false, "")
		Short(flags, long, short)
	}
	flags.Bool("api", false, "")
	Short(flags, "api", "a")
	flags.String("tracking", "", "")
	Short(flags, "tracking", "t")
	Optional(flags, "tracking", "all")

	proc := &cobra.Command{Use: "proc"}
	proc.PersistentFlags().String("id", "", "")
	proc.AddCommand(&cobra.Command{Use: "start", Run: work})
	add := &cobra.Command{Use: "add"}
	add.AddCommand(socket)
	root.AddCommand(add, proc, &cobra.Command{Use: "raw", DisableFlagParsing: true, Run: work}, &cobra.Command{Use: "run", Run: work})
	return root
}

func TestRewrite(t *testing.T) {
	for line, want := range map[string]string{
		"":                                       "",
		"add socket -n x":                        "add socket --name=x",
		"add sockets -n x":                       "add socket --name=x",
		"add socket -pn proc1 -n x":              "add socket --processor=proc1 --name=x",
		"add socket -pn=proc1":                   "add socket --processor=proc1",
		"add socket -p n":                        "add socket --password=n",
		"add socket -psecret":                    "add socket --password=secret",
		"add socket -p -5":                       "add socket --password=-5",
		"add socket -n -n":                       "add socket --name=-n",
		"add socket -h localhost -c 5":           "add socket --hostname=localhost --concurrency=5",
		"add socket -c 1234":                     "add socket --commit=1234",
		"add socket -c abc":                      "add socket --commit=abc",
		"add socket --commit 5":                  "add socket --commit=5",
		"add socket -b -d":                       "add socket --beat=true --deploy=true",
		"add socket -bd":                         "add socket --beat=true --deploy=true",
		"add socket --beat=false":                "add socket --beat=false",
		"add socket -rs stopped":                 "add socket --requested_status=stopped",
		"add socket --requested-status stopped":  "add socket --requested_status=stopped",
		"add socket --RequestedStatus stopped":   "add socket --requested_status=stopped",
		"add socket -t -b":                       "add socket --tracking=all --beat=true",
		"add socket -t id7":                      "add socket --tracking=id7",
		"add socket -t":                          "add socket --tracking=all",
		"add socket -o json":                     "add socket --output=json",
		"add socket -a":                          "add socket --api=true",
		"add socket x y":                         "add socket -- x y",
		"add socket x -b y":                      "add socket --beat=true -- x y",
		"add socket -- -b":                       "add socket -- -b",
		"add socket -":                           "add socket -- -",
		"run x -5 -.5 y":                         "run -- x -5 -.5 y",
		"run -h":                                 "run --help=true",
		"proc --id 7 start x":                    "proc start --id=7 -- x",
		"proc start --id 7":                      "proc start --id=7",
		"raw -x --y z -- w":                      "raw -x --y z -- w",
		"-a host:1 --debug add socket -a -n raw": "add socket --api=true --name=raw",
	} {
		got, err := Rewrite(tree(), strings.Fields(line))
		if err != nil || strings.Join(got.Args, " ") != want {
			t.Errorf("%s: %v, %v; want %s", line, got.Args, err, want)
		}
	}
}

func TestGlobalsStandBeforeTheVerb(t *testing.T) {
	got, err := Rewrite(tree(), []string{"-a", "host:1", "--debug", "-o=json", "add", "socket", "-a"})
	want := []Setting{{"api", "host:1"}, {"debug", "true"}, {"output", "json"}}
	if err != nil || !slices.Equal(got.Globals, want) {
		t.Errorf("%v, %v", got.Globals, err)
	}
}

func TestGlobalsCountAlsoBeforeAMistake(t *testing.T) {
	got, err := Rewrite(tree(), []string{"--debug", "adn"})
	if want := []Setting{{"debug", "true"}}; err == nil || !slices.Equal(got.Globals, want) {
		t.Errorf("%v, %v", got.Globals, err)
	}
}

func TestASmallNumberIsNoted(t *testing.T) {
	got, _ := Rewrite(tree(), []string{"add", "socket", "-c", "5"})
	if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "-c 5 is read as --concurrency 5") {
		t.Errorf("notes: %v", got.Notes)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	for line, hint := range map[string]string{
		"adn":                     "did you mean prog add?",
		"add sokcet":              "did you mean prog add socket?",
		"add socket --nam x":      "did you mean --name?",
		"add socket -pm x":        "did you mean -pn?",
		"add socket -bx":          "did you mean", // -b and an x
		"add socket -z":           "see prog add socket --help",
		"run -a x":                "write --api, or put -a before the verb",
		"add socket --name":       "--name TEXT",
		"--unheard-of":            "see prog --help",
		"add socket -b --proces=": "did you mean --processor?",
	} {
		_, err := Rewrite(tree(), strings.Fields(line))
		if !errors.Is(err, messages.Invalid) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v; want %q", line, err, hint)
		}
	}
}

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"add socket -pn |":      "__complete add socket --processor |",
		"add socket -pn pr|":    "__complete add socket --processor pr|",
		"add socket -n x -p|":   "__complete add socket --name=x -p|",
		"-a h:1 proc start |":   "__complete proc start |",
		"add socket --typo x |": "__complete add socket --typo x |",
		"ad|":                   "__complete ad|",
	} {
		line := "__complete " + line
		words := strings.Split(line, " ")
		if got := strings.Join(Complete(tree(), words).Args, " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("add socket -pn x -c 5 -bd y")
	f.Add("-a x proc --id 7 start -- -b")
	f.Fuzz(func(t *testing.T, line string) {
		got, err := Rewrite(tree(), strings.Split(line, " "))
		if err == nil && got.Command == nil {
			t.Errorf("%q: neither a command nor an error", line)
		}
	})
}
